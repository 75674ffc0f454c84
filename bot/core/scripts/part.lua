-- Somebody who was forgotten is known no more, unless they have written since. KEYS conversations people key | ARGV person
-- Gives 1, or 0 when they have.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return 1
