-- The person wants no answer.
-- KEYS state inbox pending line held behind outbox | ARGV conversation control_channel event max_held
-- Gives 'stopping' when a reply is being made, 'dropped' when lines only waited (the event tells the person), else 'idle'.
local state = redis.call('HMGET', KEYS[1], 'lease', 'until', 'generation')
local now = now_ms()
if is_held(state[1], state[2], now) then
  -- How many lines it is about: should the worker die before it hears of it, lines written later are not stopped too.
  redis.call('HSET', KEYS[1], 'stop', redis.call('LLEN', KEYS[2]))
  redis.call('PUBLISH', ARGV[2], 'stop ' .. ARGV[1])
  return 'stopping'
end
-- A worker that went silent may come back: without its lease it cannot end lines that were written since.
redis.call('HDEL', KEYS[1], 'lease', 'until', 'tries', 'stop')
redis.call('ZREM', KEYS[3], ARGV[1])
leave_line(KEYS[4], KEYS[5], KEYS[6], ARGV[1])
next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[4], now)
if redis.call('DEL', KEYS[2]) == 0 then return 'idle' end
redis.call('XADD', KEYS[7], '*', 'conversation', ARGV[1], 'generation', state[3] or '0', 'event', ARGV[3])
return 'dropped'
