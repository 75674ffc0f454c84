-- A person's line into the inbox, once.
-- KEYS seen inbox pending conversations | ARGV update_id conversation line max_lines grace_ms keep_ms
-- Gives the number of lines now waiting; 0 for an update that was known, -1 for a full inbox.
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[6])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
-- A refused line counts as seen too: it was answered with words.
redis.call('ZADD', KEYS[1], now, ARGV[1])
if redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[4]) then return -1 end
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('ZADD', KEYS[3], 'NX', now + ARGV[5], ARGV[2])
return redis.call('RPUSH', KEYS[2], ARGV[3])
