-- The person wants no answer. KEYS state inbox pending | ARGV conversation control_channel
-- Gives 'stopping' when a reply is being made, 'dropped' when lines only waited, else 'idle'.
local state = redis.call('HMGET', KEYS[1], 'lease', 'until')
if state[1] and tonumber(state[2]) > now_ms() then
  redis.call('HSET', KEYS[1], 'stop', 1)
  redis.call('PUBLISH', ARGV[2], ARGV[1])
  return 'stopping'
end
redis.call('HDEL', KEYS[1], 'tries')
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[2]) == 1 and 'dropped' or 'idle'
