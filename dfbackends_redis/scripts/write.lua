-- Do the writes of one bucket: each whose expectation holds, or, where atomic, all or none of them.
--
-- Answers the revisions in their order, with commas between them and nothing for an expectation that failed, or "x" where
-- nothing was done and the operation is over: it was cancelled, or is atomic and an expectation failed. What an operation
-- did is answered again when its id comes again. Changes are told to the channels of their streams, each with the head
-- before it; messages are published with the head of their channel before and after them.
--
-- KEYS  heads, outcome, then for each table its records and its index
-- ARGV  op, milliseconds that the outcome is kept, the place's label, "1" for atomic,
--       the numbers of checks, of writes and of messages, the channel of each table, then
--       for each check    the number of the table, name, expectation
--       for each write    the number of the table, name, expectation, topic (a space for removal), value
--       for each message  channel, data
-- An expectation is "*" (any), "-" (absent), "+" (present) or a revision.
local call, match, format = redis.call, string.match, string.format
local op, keep, label = ARGV[1], ARGV[2], ARGV[3]
local outcome = call('GET', KEYS[2])
if outcome then
    -- Writes, so that who waits for a replica waits for all that was written before.
    if outcome ~= 'x' then call('PEXPIRE', KEYS[2], keep) end
    return outcome
end

local atomic, writes, messages = ARGV[4] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
local tables = (#KEYS - 2) / 2
local first_check = 8 + tables
local first_write = first_check + 3 * ARGV[5]
local first_message = first_write + 5 * writes

-- A call takes some thousand words at most.
local function in_slices(command, key, words)
    local count = #words
    if count <= 1000 then
        if count > 0 then call(command, key, unpack(words)) end
        return
    end
    for first = 1, count, 1000 do call(command, key, unpack(words, first, math.min(first + 999, count))) end
end

local function holds(record, expectation)
    if expectation == '*' then return true end
    if expectation == '-' then return not record end
    if expectation == '+' then return record and true end
    return record and match(record, '^%d+') == expectation
end

-- What is there now, by table in the order of checks and writes, and how much of it has been looked at.
local found, seen = {}, {}
for number = 1, tables do
    local of_table, names, records = tostring(number), {}, {}
    for at = first_check, first_write - 1, 3 do
        if ARGV[at] == of_table then names[#names + 1] = ARGV[at + 1] end
    end
    for at = first_write, first_message - 1, 5 do
        if ARGV[at] == of_table then names[#names + 1] = ARGV[at + 1] end
    end
    if #names <= 1000 then
        records = call('HMGET', KEYS[1 + 2 * number], unpack(names))
    else
        for first = 1, #names, 1000 do
            local part = call('HMGET', KEYS[1 + 2 * number], unpack(names, first, math.min(first + 999, #names)))
            for i = 1, #part do records[#records + 1] = part[i] end
        end
    end
    found[of_table], seen[of_table] = records, 0
end
local function next_found(of_table)
    local at = seen[of_table] + 1
    seen[of_table] = at
    return found[of_table][at]
end

for at = first_check, first_write - 1, 3 do
    if not holds(next_found(ARGV[at]), ARGV[at + 2]) then return 'x' end
end

-- The heads that are needed, the last revision first, and the channels by table and topic.
local heads, channels, streams = {}, {'last'}, {}
for number = 1, tables do streams[tostring(number)] = {} end
local function need(channel)
    if not heads[channel] then
        heads[channel] = ''
        channels[#channels + 1] = channel
    end
end
local function stream(of_table, topic)
    local channel = streams[of_table][topic]
    if not channel then
        channel = ARGV[7 + of_table]
        if topic ~= '' then channel = channel .. ':' .. topic end
        streams[of_table][topic] = channel
        need(channel)
    end
    return channel
end

-- The topic that each entry leaves, false where nothing is written.
local leaves, good = {}, 0
for at = first_write, first_message - 1, 5 do
    local of_table, topic = ARGV[at], ARGV[at + 3]
    local record, left = next_found(of_table), false
    if holds(record, ARGV[at + 2]) then
        good = good + 1
        left = record and match(record, '^%d+ (%S*) ') or ''
        stream(of_table, '')
        if topic ~= '' and topic ~= ' ' then stream(of_table, topic) end
        if left ~= '' and left ~= topic then stream(of_table, left) end
    elseif atomic then
        return 'x'
    end
    leaves[#leaves + 1] = left
end
if good == 0 and messages == 0 then return string.rep(',', writes - 1) end
for at = first_message, #ARGV, 2 do need(ARGV[at]) end
local last = 0
for first = 1, #channels, 1000 do
    local known = call('HMGET', KEYS[1], unpack(channels, first, math.min(first + 999, #channels)))
    for i = 1, #known do
        if first == 1 and i == 1 then last = tonumber(known[1] or 0) else heads[channels[first + i - 1]] = known[i] or '' end
    end
end

local time = call('TIME')
local revision = math.max(last, time[1] * 1000000 + time[2] - 1)

-- Notices are gathered by channel, and go out when they are large, or where an entry moves, which is to be seen in order.
local out, order, notices, size = {}, {}, {}, 0
local function flush()
    for i = 1, #order do
        out[#out + 1] = order[i]
        out[#out + 1] = table.concat(notices[order[i]])
    end
    order, notices, size = {}, {}, 0
end
-- To make text of a number costs more than all the rest, and most names and records are as long as others.
local lengths = {}
local function length(word)
    local count = #word
    local found = lengths[count]
    if not found then
        found = ' ' .. count
        lengths[count] = found
    end
    return found
end
-- The revision that each channel was told last; the operation completes it to a head.
local tail, latest = ':' .. op, {}
local function head_of(channel)
    local written = latest[channel]
    return written and written .. tail or heads[channel]
end
local function tell(channel, written, name, record)
    local notice = notices[channel]
    if not notice then
        notice = {'C' .. label .. ' ' .. head_of(channel) .. ' ' .. op .. ' ', n = 1}
        notices[channel] = notice
        order[#order + 1] = channel
    end
    local last = notice.n
    notice[last + 1] = written
    notice[last + 2] = length(name)
    notice[last + 3] = length(record)
    notice[last + 4] = ' '
    notice[last + 5] = name
    notice[last + 6] = record
    notice.n = last + 6
    size = size + #record
    latest[channel] = written
end

local changed, revisions = {}, {}
for number = 1, tables do changed[tostring(number)] = {{}, {n = 0}, {}, {}} end
for at = first_write, first_message - 1, 5 do
    local left, written = leaves[(at - first_write) / 5 + 1], ''
    if left then
        revision = revision + 1
        written = format('%d', revision)
        local of_table, name, topic, record = ARGV[at], ARGV[at + 1], ARGV[at + 3], ''
        local change = changed[of_table]
        if topic == ' ' then
            topic = ''
            change[1][#change[1] + 1] = name
        else
            record = written .. ' ' .. topic .. ' ' .. ARGV[at + 4]
            local stored = change[2]
            local last = stored.n
            stored[last + 1], stored[last + 2], stored.n = name, record, last + 2
        end
        local moves = left ~= '' and left ~= topic
        if moves or size > 65536 then flush() end
        tell(stream(of_table, ''), written, name, record)
        if topic ~= '' then
            if left ~= topic then
                local entered = change[4]
                local last = #entered
                entered[last + 1], entered[last + 2] = '0', topic .. '\0' .. name
            end
            tell(stream(of_table, topic), written, name, record)
        end
        if moves then
            change[3][#change[3] + 1] = left .. '\0' .. name
            tell(stream(of_table, left), written, name, '')
            flush()
        end
    end
    revisions[#revisions + 1] = written
end
flush()
-- A change tells which of the buckets of its table it is from; a message, where its chain is kept: between the braces of all keys.
local home = string.sub(KEYS[1], 5, -2)
for at = first_message, #ARGV, 2 do
    revision = revision + 1
    local channel, written = ARGV[at], format('%d', revision)
    out[#out + 1] = channel
    out[#out + 1] = 'A' .. home .. ' ' .. head_of(channel) .. ' ' .. written .. tail .. ' ' .. ARGV[at + 1]
    latest[channel] = written
end

-- The first write fails where the server takes none; it takes nothing but a number. Then all is tried that may be forbidden.
call('HSET', KEYS[1], 'last', format('%d', revision))
for number = 1, tables do
    local topics, change = KEYS[2 + 2 * number], changed[tostring(number)]
    if #change[1] > 0 then call('HDEL', KEYS[1], '') end
    if #change[3] > 0 then call('ZREM', topics, '') end
    if #change[4] > 0 then call('ZADD', topics, 'XX', 0, '') end
end
for i = 2, #channels do
    if channels[i] ~= out[1] and not allowed(channels[i]) then return redis.error_reply(FORBIDDEN) end
end

local answer = table.concat(revisions, ',')
call('SET', KEYS[2], answer, 'PX', keep)
for i = 1, #out, 2 do
    local told = redis.pcall('PUBLISH', out[i], out[i + 1])
    if type(told) == 'table' then
        -- It was the first, and nothing was told.
        call('SET', KEYS[2], '', 'PXAT', 1)
        return told
    end
end
for number = 1, tables do
    local records, topics, change = KEYS[1 + 2 * number], KEYS[2 + 2 * number], changed[tostring(number)]
    in_slices('HDEL', records, change[1])
    in_slices('HSET', records, change[2])
    in_slices('ZREM', topics, change[3])
    in_slices('ZADD', topics, change[4])
end
local known = {}
for i = 2, #channels do
    known[#known + 1] = channels[i]
    known[#known + 1] = head_of(channels[i])
end
in_slices('HSET', KEYS[1], known)
return answer
