-- The end of a turn, all or nothing: memory, inbox, outbox, dead letters, usage and lease.
-- KEYS state inbox pending line held behind outbox memory dead usage
-- ARGV conversation token num_lines event memory_op turn max_turns dead_id dead_letter max_held num_tokens holder
-- memory_op is append, replace (the last turn) or none; an empty dead_id puts nothing aside. holder is the worker whose engine
-- has read the conversation, if it keeps what it reads.
-- Gives {number of lines still waiting, the person's conversation to wake next or ''}, or {-1} when the lease was lost.
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[2] then return {-1} end
redis.call('LTRIM', KEYS[2], ARGV[3], -1)
if ARGV[5] == 'replace' then redis.call('LSET', KEYS[8], -1, ARGV[6]) end
if ARGV[5] == 'append' then
  redis.call('RPUSH', KEYS[8], ARGV[6])
  redis.call('LTRIM', KEYS[8], -ARGV[7], -1)
end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[9], ARGV[8], ARGV[9]) end
local generation = redis.call('HGET', KEYS[1], 'generation') or '0'
redis.call('XADD', KEYS[7], '*', 'conversation', ARGV[1], 'generation', generation, 'event', ARGV[4])
redis.call('HDEL', KEYS[1], 'lease', 'until', 'tries', 'stop', 'holder')
if ARGV[12] ~= '' then redis.call('HSET', KEYS[1], 'holder', ARGV[12]) end
local now = now_ms()
local day = tostring(math.floor(now / 86400000))
if redis.call('HGET', KEYS[10], 'day') ~= day then redis.call('HSET', KEYS[10], 'day', day, 'tokens_today', 0) end
if ARGV[5] ~= 'none' then redis.call('HINCRBY', KEYS[10], 'turns', 1) end
redis.call('HINCRBY', KEYS[10], 'tokens', ARGV[11])
redis.call('HINCRBY', KEYS[10], 'tokens_today', ARGV[11])
local waiting = redis.call('LLEN', KEYS[2])
leave_line(KEYS[4], KEYS[5], KEYS[6], ARGV[1])
if waiting == 0 then
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('ZADD', KEYS[3], now + LONG, ARGV[1])
  wait_behind(KEYS[6], ARGV[1], now)
end
return {waiting, next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[10], now + LONG)}
