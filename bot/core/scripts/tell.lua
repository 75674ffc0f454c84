-- May something be said again? 1 at most once in quiet_ms; what is said, and until when not again, is kept with the refusals.
-- KEYS told
-- ARGV reason quiet_ms keep_told_ms
local now = now_ms()
if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) > now then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
