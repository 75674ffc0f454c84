-- The platform has confirmed a final message. KEYS outbox sending sent memory | ARGV entry group where max_sent
-- Where the reply stands is not kept when there is no such place (`where` is empty), or when it was forgotten meanwhile.
redis.call('XACK', KEYS[1], ARGV[2], ARGV[1])
local was_there = redis.call('XDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if ARGV[3] ~= '' and was_there == 1 and redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('RPUSH', KEYS[3], ARGV[3])
  redis.call('LTRIM', KEYS[3], -ARGV[4], -1)
end
return 1
