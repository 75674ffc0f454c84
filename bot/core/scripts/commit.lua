-- The end of a turn, all or nothing: memory, inbox, outbox, dead letters and lease.
-- KEYS state inbox pending outbox memory dead
-- ARGV conversation token num_lines event memory_op turn max_turns dead_id dead_letter
-- memory_op is append, replace (the last turn) or none; an empty dead_id puts nothing aside.
-- Gives the number of lines still waiting, or -1 when the lease was lost.
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[2] then return -1 end
redis.call('LTRIM', KEYS[2], ARGV[3], -1)
if ARGV[5] == 'replace' then redis.call('LSET', KEYS[5], -1, ARGV[6]) end
if ARGV[5] == 'append' then
  redis.call('RPUSH', KEYS[5], ARGV[6])
  redis.call('LTRIM', KEYS[5], -ARGV[7], -1)
end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[6], ARGV[8], ARGV[9]) end
local generation = redis.call('HGET', KEYS[1], 'generation') or '0'
redis.call('XADD', KEYS[4], '*', 'conversation', ARGV[1], 'generation', generation, 'event', ARGV[4])
redis.call('HDEL', KEYS[1], 'lease', 'until', 'tries', 'stop')
local waiting = redis.call('LLEN', KEYS[2])
if waiting == 0 then redis.call('ZREM', KEYS[3], ARGV[1]) else redis.call('ZADD', KEYS[3], now_ms(), ARGV[1]) end
return waiting
