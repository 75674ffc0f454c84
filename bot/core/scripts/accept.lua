-- A person's line into the inbox, once.
-- KEYS seen inbox pending line held behind conversations people speakers_conversations
-- ARGV update_id conversation line max_lines grace_ms keep_ms max_held max_pending person speaker
-- The speaker is the person, but in a conversation that is everybody's: it is found again for both.
-- Gives {number of lines now waiting, 1 if a worker is to be woken, 1 if it must wait for the person's other replies}; {0} for an update that was known, {-1} for a full
-- inbox, {-2} when too many conversations wait already.
local now = now_ms()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[6])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {0} end
-- A refused line counts as seen too: it was answered with words.
redis.call('ZADD', KEYS[1], now, ARGV[1])
if redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[4]) then return {-1} end
if not redis.call('ZSCORE', KEYS[3], ARGV[2]) then
  if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[8]) then return {-2} end
  redis.call('ZADD', KEYS[3], now + LONG, ARGV[2])
  wait_behind(KEYS[6], ARGV[2], now)
  -- Not woken yet: a wake-up that has not led to a lease after the grace was lost.
  next_in_line(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[7], now + LONG + ARGV[5] - AGAIN)
end
redis.call('SADD', KEYS[7], ARGV[2])
redis.call('SADD', KEYS[9], ARGV[2])
redis.call('ZADD', KEYS[8], now, ARGV[9], now, ARGV[10])
local may_wake = redis.call('ZSCORE', KEYS[5], ARGV[2]) and 1 or 0
local is_late = may_wake == 0 and redis.call('ZCARD', KEYS[5]) >= tonumber(ARGV[7]) and 1 or 0
return {redis.call('RPUSH', KEYS[2], ARGV[3]), may_wake, is_late}
