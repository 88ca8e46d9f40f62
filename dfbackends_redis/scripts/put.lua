-- Do one write, if its expectation holds: what write.lua would do, without all that is there for several.
--
-- Answers the revision, nothing for an expectation that failed, or "x" where the operation was cancelled. What an operation
-- did is answered again when its id comes again. The change is told to the channels of its streams.
--
-- KEYS  heads, outcome, records, index
-- ARGV  op, milliseconds that the outcome is kept, the place's label, the channel of the table,
--       name, expectation, topic (a space for removal), value
-- An expectation is "*" (any), "-" (absent), "+" (present) or a revision.
local call = redis.call
local op, keep, name, expectation, topic = ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[7]

local function outcome()
    local found = call('GET', KEYS[2])
    -- Writes, so that who waits for a replica waits for all that was written before.
    if found and found ~= 'x' then call('PEXPIRE', KEYS[2], keep) end
    return found or ''
end

local record = call('HGET', KEYS[3], name)
local holds = expectation == '*'
    or expectation == '-' and not record
    or record and (expectation == '+' or string.match(record, '^%d+') == expectation)
-- When the operation was done before, the record may be its own.
if not holds then return outcome() end

local removes, left, chunk = topic == ' ', '', ''
if record then left, chunk = string.match(record, '^%d+ (%S*) (%S*) ') end
if removes then topic = '' end
local moves, enters = left ~= '' and left ~= topic, topic ~= '' and left ~= topic
local channels = {'last', ARGV[4]}
if topic ~= '' then channels[3] = ARGV[4] .. ':' .. topic end
if moves then channels[#channels + 1] = ARGV[4] .. ':' .. left end
local counter = enters and counter_of(KEYS[4], topic) or 'last'
local heads, time = call('HMGET', KEYS[1], counter, unpack(channels)), call('TIME')
local revision = string.format('%.0f', math.max((heads[2] or 0) + 1, time[1] * 1000000 + time[2]))
local gone, come, completes = {}, {}, false
if moves or enters then
    local come_from = chunk
    chunk = ''
    if enters then chunk, completes = chunk_after(heads[1] or 0) end
    if moves or completes then
        local index = index_of(KEYS[4], KEYS[1])
        index.counts[counter] = heads[1] or 0
        if moves then index.leave(left, come_from, name) end
        if enters then index.enter(topic, name) end
        gone, come = index.turned()
    else
        come = {'0', piece_of(topic, chunk, escaped(name))}
    end
end

-- The first write fails where the server takes none; it takes nothing but a number. Then all is tried that may be forbidden.
call('HSET', KEYS[1], 'last', revision)
if removes then call('HDEL', KEYS[1], '') end
if #gone > 0 then call('ZREM', KEYS[4], '') end
if #come > 0 then call('ZADD', KEYS[4], 'XX', 0, '') end
for i = 3, #channels do
    if not allowed(channels[i]) then return redis.error_reply(FORBIDDEN) end
end

if not call('SET', KEYS[2], revision, 'NX', 'PX', keep) then return outcome() end
local stored = removes and '' or revision .. ' ' .. topic .. ' ' .. chunk .. ' ' .. ARGV[8]
local known = {}
local begin = 'C' .. ARGV[3] .. ' ' .. op .. ' ' .. revision .. ' '
local places = (heads[3] or '') .. ' 0'
if topic ~= '' then places = places .. ' ' .. (heads[4] or '') .. ' 0' end
local notice = cmsgpack.pack({begin .. places, name, stored})
for i = 2, #channels do
    if moves and i == #channels then notice = cmsgpack.pack({begin .. (heads[i + 1] or '') .. ' 0', name, ''}) end
    local told = redis.pcall('PUBLISH', channels[i], notice)
    if type(told) == 'table' then
        -- It was the first, and nothing was told.
        call('SET', KEYS[2], '', 'PXAT', 1)
        return told
    end
    known[2 * i - 3], known[2 * i - 2] = channels[i], revision .. ':' .. op .. ':1'
end
if removes then call('HDEL', KEYS[3], name) else call('HSET', KEYS[3], name, stored) end
if #gone > 0 then call('ZREM', KEYS[4], unpack(gone)) end
if #come > 0 then call('ZADD', KEYS[4], unpack(come)) end
if enters then known[#known + 1], known[#known + 2] = counter, (heads[1] or 0) + 1 end
call('HSET', KEYS[1], unpack(known))
return revision
