-- Other words in a line that waits. KEYS state inbox | ARGV old new
-- Gives 'replaced', 'answering' when a worker may have read the old words, 'gone' when the line is not there any more.
local place = redis.call('LPOS', KEYS[2], ARGV[1])
if not place then return 'gone' end
local state = redis.call('HMGET', KEYS[1], 'lease', 'until')
if is_held(state[1], state[2], now_ms()) then return 'answering' end
redis.call('LSET', KEYS[2], place, ARGV[2])
return 'replaced'
