-- Answer entries of one topic in the order of their names: a name, its record, the next name, ...
--
-- KEYS  index, records
-- ARGV  the bounds of the members, as ZRANGEBYLEX takes them, how many, and the length of what stands before a name
local members = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
if #members == 0 then return {} end
local names, page = {}, {}
for i, member in ipairs(members) do names[i] = string.sub(member, ARGV[4] + 1) end
for i, record in ipairs(redis.call('HMGET', KEYS[2], unpack(names))) do
    page[2 * i - 1], page[2 * i] = names[i], record
end
return page
