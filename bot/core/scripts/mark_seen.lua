-- Remember an update that needed no inbox (a command). Gives 1 the first time, 0 when it was known.
-- KEYS seen | ARGV update_id
return redis.call('ZADD', KEYS[1], 'NX', now_ms(), ARGV[1])
