-- The platform has confirmed a final message. KEYS outbox sending sent | ARGV entry group where max_sent
-- An empty `where` leaves no trace of where the reply stands (it was forgotten meanwhile, or there is none).
redis.call('XACK', KEYS[1], ARGV[2], ARGV[1])
redis.call('XDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if ARGV[3] ~= '' then
  redis.call('RPUSH', KEYS[3], ARGV[3])
  redis.call('LTRIM', KEYS[3], -ARGV[4], -1)
end
return 1
