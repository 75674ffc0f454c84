-- Somebody's words have just been taken out of a conversation that several share; this ends what has not reached anybody yet.
-- KEYS state inbox pending line held behind outbox sending
-- ARGV conversation control_channel max_held group is_read num_taken num_stopped entry...
-- A reply in the making that has read them (is_read) is given up, and what others said waits anew; num_stopped lines of that
-- are to get no answer. The entries are finals that answered them: they, and the num_taken lines that waited, end with an
-- event that holds nothing.
local function tell()
  local generation = redis.call('HGET', KEYS[1], 'generation') or '0'
  redis.call('XADD', KEYS[7], '*', 'conversation', ARGV[1], 'generation', generation, 'event', '')
end

for i = 8, #ARGV do
  redis.call('XACK', KEYS[7], ARGV[4], ARGV[i])
  redis.call('HDEL', KEYS[8], ARGV[i])
  if redis.call('XDEL', KEYS[7], ARGV[i]) == 1 then tell() end
end
if ARGV[5] == '0' then return 0 end
if tonumber(ARGV[6]) > 0 then tell() end
local was_leased = redis.call('HDEL', KEYS[1], 'lease', 'until') > 0
if was_leased then redis.call('HINCRBY', KEYS[1], 'tries', -1) end
if ARGV[7] == '0' then redis.call('HDEL', KEYS[1], 'stop') else redis.call('HSET', KEYS[1], 'stop', ARGV[7]) end
if redis.call('LLEN', KEYS[2]) == 0 then
  redis.call('HDEL', KEYS[1], 'tries', 'stop')
  redis.call('ZREM', KEYS[3], ARGV[1])
  leave_line(KEYS[4], KEYS[5], KEYS[6], ARGV[1])
  next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[3], now_ms())
elseif was_leased then
  redis.call('ZADD', KEYS[3], now_ms(), ARGV[1])
  redis.call('ZADD', KEYS[4], 'NX', now_ms(), ARGV[1])
end
redis.call('PUBLISH', ARGV[2], ARGV[1])
return 1
