-- Erase what was said in a conversation. A reply in flight loses its lease, and one that is on its way out its
-- generation, so neither can bring anything back. Lines that waited end with an event that holds nothing.
-- KEYS state inbox pending line held behind memory sent outbox dead | ARGV conversation control_channel max_held
-- Gives the number of turns that were remembered. A conversation that nobody has leased or written in leaves no trace.
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then return 0 end
local num_turns = redis.call('LLEN', KEYS[7])
local generation = redis.call('HINCRBY', KEYS[1], 'generation', 1)
if redis.call('LLEN', KEYS[2]) > 0 then
  redis.call('XADD', KEYS[9], '*', 'conversation', ARGV[1], 'generation', generation, 'event', '')
end
redis.call('DEL', KEYS[2], KEYS[7], KEYS[8])
redis.call('HDEL', KEYS[1], 'lease', 'until', 'tries', 'stop', 'chapter', 'holder')
redis.call('ZREM', KEYS[3], ARGV[1])
leave_line(KEYS[4], KEYS[5], KEYS[6], ARGV[1])
next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[3], now_ms())
local letters = redis.call('HGETALL', KEYS[10])
for i = 1, #letters, 2 do
  if string.sub(letters[i + 1], 1, #ARGV[1] + 1) == ARGV[1] .. '\n' then redis.call('HDEL', KEYS[10], letters[i]) end
end
redis.call('PUBLISH', ARGV[2], ARGV[1])
return num_turns
