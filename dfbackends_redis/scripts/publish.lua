-- Publish messages. A server that takes no writes would take them, and nobody would hear: so one is written first.
--
-- KEYS  guard
-- ARGV  for each message: channel, data
redis.call('INCR', KEYS[1])
local known = {[ARGV[1]] = true}
for at = 3, #ARGV, 2 do
    local channel = ARGV[at]
    if not known[channel] then
        if not allowed(channel) then return redis.error_reply(FORBIDDEN) end
        known[channel] = true
    end
end
-- The first one fails where it is forbidden; then nothing was published.
for at = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
return #ARGV / 2
