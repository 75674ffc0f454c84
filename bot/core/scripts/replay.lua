-- A dead letter back into its inbox. KEYS dead inbox pending line held behind | ARGV dead_id conversation max_held line...
-- Gives the number of lines put back; 0 when somebody else has replayed or dropped it.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
for i = 4, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
local now = now_ms()
if not redis.call('ZSCORE', KEYS[3], ARGV[2]) then
  redis.call('ZADD', KEYS[3], now + LONG, ARGV[2])
  wait_behind(KEYS[6], ARGV[2], now)
  next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[3], now)
end
return #ARGV - 3
