-- Take the lease of a conversation that has lines waiting.
-- KEYS state inbox pending | ARGV conversation token lease_ms max_lines
-- Gives {fence, tries, stop, line, ...}, or nothing when another holds it or no line waits. stop is 1 when the person
-- asked for no answer to these lines.
local now = now_ms()
local state = redis.call('HMGET', KEYS[1], 'lease', 'until', 'stop')
if state[1] and state[1] ~= ARGV[2] and tonumber(state[2]) > now then return nil end
local lines = redis.call('LRANGE', KEYS[2], 0, math.min(ARGV[4], state[3] or ARGV[4]) - 1)
if #lines == 0 then
  redis.call('ZREM', KEYS[3], ARGV[1])
  return nil
end
-- Counted when a try begins, so that one that kills its worker counts too.
local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'lease', ARGV[2], 'until', now + ARGV[3])
redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
return {fence, tries, state[3] and 1 or 0, unpack(lines)}
