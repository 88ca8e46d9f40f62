-- Do the writes of one bucket: each whose expectation holds, or, where atomic, all or none of them.
--
-- Answers the revision that all of them have, a comma, and for each a "+", or a "-" where its expectation failed; "x" where
-- nothing was done and the operation is over: it was cancelled, or is atomic and an expectation failed. What an operation
-- did is answered again when its id comes again. Changes are told to the channels of their streams, each with the head
-- before it; messages are published with the head of their channel before and after them.
--
-- KEYS  heads, outcome, then for each table its records and its index
-- ARGV  op, milliseconds that the outcome is kept, the place's label, "1" for atomic, the number of messages,
--       the channel of each table, then
--       for each message  channel, data
--       for each run of entries of a table  its number, what to do ("check", "write" or "remove"), an expectation, a topic, how
--       many, their names, their expectations where the one before is "=", their topics where that is, their values
-- An expectation is "*" (any), "-" (absent), "+" (present) or a revision.
local call, match = redis.call, string.match
local op, keep, label, atomic, messages = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1', tonumber(ARGV[5])
local outcome = call('GET', KEYS[2])
if outcome then
    -- Writes, so that who waits for a replica waits for all that was written before.
    if outcome ~= 'x' then call('PEXPIRE', KEYS[2], keep) end
    return outcome
end

-- A call takes some thousand words at most.
local function in_slices(command, key, words, first, last)
    local answer = call(command, key, unpack(words, first, math.min(first + 999, last)))
    for at = first + 1000, last, 1000 do
        local more = call(command, key, unpack(words, at, math.min(at + 999, last)))
        if type(more) == 'table' then
            for i = 1, #more do answer[#answer + 1] = more[i] end
        end
    end
    return answer
end

-- The heads that are needed, and the channels that they are of, behind the last revision.
local heads, channels = {}, {'last'}
local function need(channel)
    if not heads[channel] then
        heads[channel] = ''
        channels[#channels + 1] = channel
    end
end
local function stream(channel, topic)
    if topic ~= '' then channel = channel .. ':' .. topic end
    need(channel)
    return channel
end

-- Those runs that write, and for each of their entries the topic and the chunk where it is, false where nothing is written.
local runs, marks, indexes = {}, {}, {}
for at = 4, #KEYS, 2 do indexes[KEYS[at]] = index_of(KEYS[at], KEYS[1]) end
local first_message = 6 + (#KEYS - 2) / 2
local at, last = first_message + 2 * messages, #ARGV
while at < last do
    local number, what, expectation = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2]
    local topic, count = ARGV[at + 3], tonumber(ARGV[at + 4])
    local names, expectations, topics, values = at + 4, nil, nil, nil
    at = names + count
    if expectation == '=' then expectations, at = at, at + count end
    if topic == '=' then topics, at = at, at + count end
    if what == 'write' then values, at = at, at + count end
    at = at + 1
    local records, channel, writes = KEYS[1 + 2 * number], ARGV[5 + number], what ~= 'check'
    local found, leaves, held, good = in_slices('HMGET', records, ARGV, names + 1, names + count), {}, {}, 0
    for i = 1, count do
        local record, left = found[i], ''
        if expectations then expectation = ARGV[expectations + i] end
        if expectation == '*' or expectation == '-' and not record
            or record and (expectation == '+' or match(record, '^%d+') == expectation) then
            good = good + 1
            if writes and record then
                left, held[i] = match(record, '^%d+ (%S*) (%S*) ')
                if left ~= '' then stream(channel, left) end
            end
            if topics then stream(channel, ARGV[topics + i]) end
        elseif atomic then
            return 'x'
        else
            left = false
        end
        leaves[i] = left
        if writes then marks[#marks + 1] = left and '+' or '-' end
    end
    if writes and good > 0 then
        stream(channel, '')
        if not topics then stream(channel, topic) end
        runs[#runs + 1] = {
            records = records, index = indexes[KEYS[2 + 2 * number]], channel = channel, count = count, names = names,
            topic = not topics and topic, topics = topics, values = values, leaves = leaves, held = held,
        }
    end
end
local answer = ',' .. table.concat(marks)
if #runs == 0 and messages == 0 then return answer end
for at = first_message, first_message + 2 * messages - 1, 2 do need(ARGV[at]) end
local known = in_slices('HMGET', KEYS[1], channels, 1, #channels)
for i = 2, #channels do heads[channels[i]] = known[i] or '' end

local time = call('TIME')
local revision = string.format('%.0f', math.max((known[1] or 0) + 1, time[1] * 1000000 + time[2]))
answer = revision .. answer

-- The head of a channel tells how many of its changes, or messages, the operation has told.
local out, told = {}, {}
local function head_of(channel)
    local count = told[channel]
    return count and revision .. ':' .. op .. ':' .. count or heads[channel]
end
local function tell(channel, text)
    out[#out + 1] = channel
    out[#out + 1] = text
end
-- Changes are gathered by channel, and go out when they are large, or where an entry moves, which is to be seen in order. To make
-- a text costs as much as it is long, more than what is done with it: so a notice is made at once, out of all of its parts.
local order, gathered, size = {}, {}, 0
local function changes_of(channel, other)
    if not gathered[channel] then
        gathered[channel] = {''}
        order[#order + 1] = other ~= channel and {channel, other} or {channel}
    end
    return gathered[channel]
end
local function add(words, one, other)
    local count = #words
    words[count + 1], words[count + 2] = one, other
end
local function flush()
    for _, listeners in ipairs(order) do
        local changes, begin = gathered[listeners[1]], 'C' .. label .. ' ' .. op .. ' ' .. revision
        for _, channel in ipairs(listeners) do begin = begin .. ' ' .. head_of(channel) .. ' ' .. (told[channel] or 0) end
        changes[1] = begin
        local notice = cmsgpack.pack(changes)
        for _, channel in ipairs(listeners) do
            tell(channel, notice)
            told[channel] = (told[channel] or 0) + (#changes - 1) / 2
        end
    end
    order, gathered, size = {}, {}, 0
end

-- What is to be done, and in which form that changes nothing it is tried.
local commands, trials = {}, {}
local function will(command, key, words, ...)
    if #words > 0 then
        commands[#commands + 1] = {command, key, words, 1}
        if ... then trials[command .. key] = {command, ...} end
    end
end
for _, run in ipairs(runs) do
    local names, topic, topics, values, channel, index = run.names, run.topic, run.topics, run.values, run.channel, run.index
    local removed, changes, count = {}, nil, 0
    for i = 1, run.count do
        local left, chunk = run.leaves[i], run.held[i]
        if left then
            local name, record = ARGV[names + i], ''
            if topics then topic = ARGV[topics + i] end
            local moves = left ~= '' and left ~= topic
            if moves or size > 65536 then flush() end
            if moves then index.leave(left, chunk, name) end
            if topic ~= '' and topic ~= left then chunk = index.enter(topic, name) end
            if not gathered[channel] then
                changes, count = changes_of(channel, not topics and stream(channel, topic) or nil), 1
                if values then commands[#commands + 1] = {'HSET', run.records, changes, 2} end
            end
            if values then
                record = revision .. ' ' .. topic .. ' ' .. (topic ~= '' and chunk or '') .. ' ' .. ARGV[values + i]
            else
                removed[#removed + 1] = name
            end
            changes[count + 1], changes[count + 2], count = name, record, count + 2
            size = size + #record
            if topics and topic ~= '' then add(changes_of(stream(channel, topic)), name, record) end
            if moves then
                add(changes_of(stream(channel, left)), name, '')
                flush()
            end
        end
    end
    flush()
    will('HDEL', run.records, removed, KEYS[1], '')
end
for key, index in pairs(indexes) do
    local gone, come = index.turned()
    will('ZREM', key, gone, key, '')
    will('ZADD', key, come, key, 'XX', 0, '')
end
-- A change tells which of the buckets of its table it is from; a message, where its chain is kept: between the braces of all keys.
local home = string.sub(KEYS[1], 5, -2)
for at = first_message, first_message + 2 * messages - 1, 2 do
    local channel = ARGV[at]
    local before = head_of(channel)
    told[channel] = (told[channel] or 0) + 1
    tell(channel, 'A' .. home .. ' ' .. before .. ' ' .. head_of(channel) .. ' ' .. ARGV[at + 1])
end

-- The first write fails where the server takes none; it takes nothing but a number. Then all is tried that may be forbidden.
call('HSET', KEYS[1], 'last', revision)
for _, trial in pairs(trials) do call(unpack(trial)) end
for i = 2, #channels do
    if channels[i] ~= out[1] and not allowed(channels[i]) then return redis.error_reply(FORBIDDEN) end
end

call('SET', KEYS[2], answer, 'PX', keep)
for i = 1, #out, 2 do
    local sent = redis.pcall('PUBLISH', out[i], out[i + 1])
    if type(sent) == 'table' then
        -- It was the first, and nothing was told.
        call('SET', KEYS[2], '', 'PXAT', 1)
        return sent
    end
end
for _, command in ipairs(commands) do
    local name, key, words, first = unpack(command)
    in_slices(name, key, words, first, #words)
end
local now = {}
for i = 2, #channels do add(now, channels[i], head_of(channels[i])) end
for _, index in pairs(indexes) do
    for field, count in pairs(index.counts) do add(now, field, count) end
end
in_slices('HSET', KEYS[1], now, 1, #now)
return answer
