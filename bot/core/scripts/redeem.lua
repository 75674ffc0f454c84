-- A one-time invite code is used up, and the person is allowed from here on.
-- KEYS invite access | ARGV person
-- Gives 1, or 0 when the code is unknown, used or too old, or the person is blocked (the code then stays good).
if redis.call('HEXISTS', KEYS[2], 'block:' .. ARGV[1]) == 1 then return 0 end
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'allow:' .. ARGV[1], '1')
return 1
