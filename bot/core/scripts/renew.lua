-- The heartbeat of a lease. KEYS state pending line | ARGV conversation token lease_ms
-- Gives 'held', 'stop' when the person asked to stop, 'lost' when somebody else may have it.
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[2] then return 'lost' end
local till = now_ms() + ARGV[3]
redis.call('HSET', KEYS[1], 'until', till)
redis.call('ZADD', KEYS[2], till, ARGV[1])
-- A worker that was silent for a while may find it in line again: the sweeper took it for dead.
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('HGET', KEYS[1], 'stop') and 'stop' or 'held'
