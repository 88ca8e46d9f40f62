-- Answer what an operation did, or see that it never does anything: then the answer is "x".
--
-- KEYS  outcome
-- ARGV  milliseconds that a fence is kept, milliseconds that an outcome is kept
local outcome = redis.call('GET', KEYS[1])
if outcome and outcome ~= 'x' then
    -- Writes, so that who waits for a replica waits for all that was written before.
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return outcome
end
redis.call('SET', KEYS[1], 'x', 'PX', ARGV[1])
return 'x'
