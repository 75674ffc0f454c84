-- A dead letter back into its inbox. KEYS dead inbox pending | ARGV dead_id conversation line...
-- Gives the number of lines put back; 0 when somebody else has replayed or dropped it.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
for i = 3, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('ZADD', KEYS[3], now_ms(), ARGV[2])
return #ARGV - 2
