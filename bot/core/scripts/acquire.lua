-- Take the lease of a conversation that has lines waiting.
-- KEYS state inbox pending line held behind reached | ARGV conversation token lease_ms max_lines max_held
-- Gives {fence, tries, stop, holder, next, line, ...}, or nothing when another holds it, no line waits, or the person has as many
-- replies in the making as they may. stop is 1 when the person asked for no answer to these lines; next is another conversation of theirs that is to be woken now, or ''.
-- holder is the worker that answered last, or ''.
local now = now_ms()
local state = redis.call('HMGET', KEYS[1], 'lease', 'until', 'stop', 'holder')
if state[1] ~= ARGV[2] and is_held(state[1], state[2], now) then return nil end
local lines = redis.call('LRANGE', KEYS[2], 0, math.min(ARGV[4], state[3] or ARGV[4]) - 1)
if #lines == 0 then
  redis.call('ZREM', KEYS[3], ARGV[1])
  leave_line(KEYS[4], KEYS[5], KEYS[6], ARGV[1])
  next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[5], now)
  return nil
end
if not redis.call('ZSCORE', KEYS[5], ARGV[1]) and redis.call('ZCARD', KEYS[5]) >= tonumber(ARGV[5]) then
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('ZADD', KEYS[3], now + LONG, ARGV[1])
  wait_behind(KEYS[6], ARGV[1], now)
  return nil
end
-- How far the line has come: whoever joined it long before and is still in it was not woken.
local joined = redis.call('ZSCORE', KEYS[4], ARGV[1])
if joined and tonumber(joined) > tonumber(redis.call('GET', KEYS[7]) or 0) then redis.call('SET', KEYS[7], joined) end
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('ZADD', KEYS[5], now, ARGV[1])
-- Counted when a try begins, so that one that kills its worker counts too.
local tries = redis.call('HINCRBY', KEYS[1], 'tries', 1)
-- Begins at the time, for it goes with whoever is forgotten, and must still be beyond what it was before.
redis.call('HSETNX', KEYS[1], 'fence', now)
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
redis.call('HSET', KEYS[1], 'lease', ARGV[2], 'until', now + ARGV[3])
redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
local next = next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[5], now + LONG)
return {fence, tries, state[3] and 1 or 0, state[4] or '', next, unpack(lines)}
