-- Stands before each script that writes entries: which of them a topic has. The index of a table is a sorted set, read in order:
-- the topic, NUL, the number of a chunk, NUL, and names, each with NUL behind it. Sixteen entries that come to a topic after each
-- other are a chunk: pieces at first, of those that came at once, and one piece when all have come. An entry stays in its chunk,
-- whose number its record has, until it leaves the topic. How many have come is among the heads.
local IN_A_CHUNK = 16

-- As a name stands in a chunk.
local function escaped(name)
    if string.find(name, '[%z\1]') then name = string.gsub(string.gsub(name, '\1', '\1b'), '%z', '\1a') end
    return name
end

-- The number of the chunk of one who comes after so many, and whether he completes it. A letter for its length stands before it,
-- so that the order of texts is that of numbers.
local function chunk_after(count)
    local place = count % IN_A_CHUNK
    local number = string.format('%d', (count - place) / IN_A_CHUNK)
    return string.char(64 + #number) .. number, place == IN_A_CHUNK - 1
end

-- Where it is kept how many have come to a topic.
local function counter_of(key, topic) return key .. ':' .. topic end

local function piece_of(topic, number, names)
    return topic .. '\0' .. number .. '\0' .. names .. '\0'
end

-- Return an index, by its key and that of the heads, in which what is to be done is gathered.
local function index_of(key, heads)
    local chunks, counts = {}, {}

    local function chunk_of(topic, number)
        local head = topic .. '\0' .. number .. '\0'
        local chunk = chunks[head]
        if not chunk then
            chunk = {head = head, come = {}}
            chunks[head] = chunk
        end
        return chunk
    end

    -- The pieces of a chunk that are stored, each with its names, NUL before and behind each.
    local function pieces_of(chunk)
        if not chunk.pieces then
            local head = chunk.head
            local after = string.sub(head, 1, -2) .. '\1'
            chunk.pieces = {}
            for i, stored in ipairs(redis.call('ZRANGEBYLEX', key, '[' .. head, '(' .. after)) do
                chunk.pieces[i] = {stored = stored, names = string.sub(stored, #head)}
            end
        end
        return chunk.pieces
    end

    -- Let an entry into a topic; return the number of its chunk.
    local function enter(topic, name)
        local field = counter_of(key, topic)
        local count = tonumber(counts[field] or redis.call('HGET', heads, field) or 0)
        local number, completes = chunk_after(count)
        local chunk = chunk_of(topic, number)
        chunk.joins = completes and #chunk.come < IN_A_CHUNK - 1
        chunk.come[#chunk.come + 1] = escaped(name)
        counts[field] = count + 1
        return number
    end

    -- Let an entry out of the chunk of a topic.
    local function leave(topic, number, name)
        local word = '\0' .. escaped(name) .. '\0'
        for _, piece in ipairs(pieces_of(chunk_of(topic, number))) do
            local from, to = string.find(piece.names, word, 1, true)
            if from then
                piece.names = string.sub(piece.names, 1, from) .. string.sub(piece.names, to + 1)
                piece.changed = true
                return
            end
        end
    end

    -- Return what the index has turned into: the pieces that go, and the words that bring those that come.
    local function turned()
        local gone, come = {}, {}
        local function bring(text)
            come[#come + 1] = '0'
            come[#come + 1] = text
        end
        for head, chunk in pairs(chunks) do
            local names = #chunk.come > 0 and table.concat(chunk.come, '\0') .. '\0' or ''
            for _, piece in ipairs(chunk.joins and pieces_of(chunk) or chunk.pieces or {}) do
                local rest = string.sub(piece.names, 2)
                if chunk.joins or piece.changed then gone[#gone + 1] = piece.stored end
                if chunk.joins then
                    names = rest .. names
                elseif piece.changed and rest ~= '' then
                    bring(head .. rest)
                end
            end
            if names ~= '' then bring(head .. names) end
        end
        return gone, come
    end

    return {enter = enter, leave = leave, turned = turned, counts = counts}
end
