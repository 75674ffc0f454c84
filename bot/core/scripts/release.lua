-- Hand a conversation back unanswered: it stands in line again. KEYS state pending line | ARGV conversation token forgive
-- forgive = 1 takes the try back: a worker that shuts down says nothing about the lines.
-- Gives 1, or 0 when the lease was lost.
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], 'lease', 'until')
if ARGV[3] == '1' then redis.call('HINCRBY', KEYS[1], 'tries', -1) end
redis.call('ZADD', KEYS[2], now_ms(), ARGV[1])
redis.call('ZADD', KEYS[3], 'NX', now_ms(), ARGV[1])
return 1
