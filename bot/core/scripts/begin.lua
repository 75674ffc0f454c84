-- A sending begins: from here on nobody can know whether the person has it. KEYS sending | ARGV entry
-- Taken out first: where no memory is left, Redis lets a script write on that has begun with what needs none.
redis.call('HDEL', KEYS[1], ARGV[1])
return redis.call('HSET', KEYS[1], ARGV[1], '1')
