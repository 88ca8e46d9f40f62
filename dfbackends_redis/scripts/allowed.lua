-- Stands before each script that tells several channels: whether one may be told something. Since a user may be allowed some of
-- them only, and what was told can not be taken back, this is asked before anything is told.
local function allowed(channel)
    if redis.acl_check_cmd then return redis.acl_check_cmd('PUBLISH', channel, '') end
    -- Redis 6.2 can not be asked, but tried: listeners pass over nothing.
    return type(redis.pcall('PUBLISH', channel, '')) ~= 'table'
end
local FORBIDDEN = 'NOPERM the user may not publish on all channels that are to be told'

