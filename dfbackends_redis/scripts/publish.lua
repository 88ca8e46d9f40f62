-- Publish messages. A server that takes no writes would take them, and nobody would hear: so one is written first.
--
-- KEYS  guard
-- ARGV  for each message: channel, data
redis.call('INCR', KEYS[1])
for at = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
return #ARGV / 2
