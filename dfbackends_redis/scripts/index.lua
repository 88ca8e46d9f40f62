-- Stands before each script that writes entries: which of them a topic has. The index of a table is a sorted set, read in order:
-- the topic, NUL, the number of a chunk, NUL, and names, each with NUL behind it. Sixteen entries that come to a topic after each
-- other are a chunk: pieces at first, of those that came at once, and one piece when all have come. An entry stays in its chunk,
-- whose number its record has, until it leaves the topic. How many have come is among the heads.
local IN_A_CHUNK = 16

-- An index, by its key and that of the heads, in which what is to be done is gathered.
local function index_of(key, heads)
    return {key = key, heads = heads, chunks = {}, counts = {}}
end

-- Where it is kept how many have come to a topic.
local function counter(index, topic)
    return index.key .. ':' .. topic
end

-- As a name stands in a chunk.
local function escaped(name)
    if string.find(name, '[%z\1]') then name = string.gsub(string.gsub(name, '\1', '\1b'), '%z', '\1a') end
    return name
end

local function chunk_of(index, topic, number)
    local head = topic .. '\0' .. number .. '\0'
    local chunk = index.chunks[head]
    if not chunk then
        chunk = {head = head, come = {}}
        index.chunks[head] = chunk
    end
    return chunk
end

-- The pieces of a chunk that are stored, each with its names, NUL before and behind each.
local function pieces_of(index, chunk)
    if not chunk.pieces then
        local head = chunk.head
        local after = string.sub(head, 1, -2) .. '\1'
        chunk.pieces = {}
        for i, stored in ipairs(redis.call('ZRANGEBYLEX', index.key, '[' .. head, '(' .. after)) do
            chunk.pieces[i] = {stored = stored, names = string.sub(stored, #head)}
        end
    end
    return chunk.pieces
end

-- Let an entry into a topic; return the number of its chunk. It says first how long it is, so that their order is that of numbers.
local function enter(index, topic, name)
    local field = counter(index, topic)
    local count = tonumber(index.counts[field] or redis.call('HGET', index.heads, field) or 0)
    local place = count % IN_A_CHUNK
    local number = string.format('%d', (count - place) / IN_A_CHUNK)
    number = string.char(64 + #number) .. number
    local chunk = chunk_of(index, topic, number)
    chunk.joins = place == IN_A_CHUNK - 1 and #chunk.come < place
    chunk.come[#chunk.come + 1] = escaped(name)
    index.counts[field] = count + 1
    return number
end

-- Let an entry out of the chunk of a topic.
local function leave(index, topic, number, name)
    local word = '\0' .. escaped(name) .. '\0'
    for _, piece in ipairs(pieces_of(index, chunk_of(index, topic, number))) do
        local from, to = string.find(piece.names, word, 1, true)
        if from then
            piece.names = string.sub(piece.names, 1, from) .. string.sub(piece.names, to + 1)
            piece.changed = true
            return
        end
    end
end

-- Return what an index has turned into: the pieces that go, and the words that bring those that come.
local function turned(index)
    local gone, come = {}, {}
    local function bring(text)
        come[#come + 1] = '0'
        come[#come + 1] = text
    end
    for head, chunk in pairs(index.chunks) do
        local names = #chunk.come > 0 and table.concat(chunk.come, '\0') .. '\0' or ''
        for _, piece in ipairs(chunk.joins and pieces_of(index, chunk) or chunk.pieces or {}) do
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
