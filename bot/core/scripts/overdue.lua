-- Conversations to wake: those whose time has come (a lease ran out), and those in line whose wake-up was lost: the queue
-- of wake-ups is empty, or the line has come far beyond them. Each is put off, so that many sweepers do not wake it at once.
-- KEYS pending line reached | ARGV max is_empty
-- A time far in the future can only come from a clock that was set back; it counts as overdue.
local PASSED = 15000
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, conversation in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now + 2 * LONG, '+inf', 'LIMIT', 0, ARGV[1])) do
  due[#due + 1] = conversation
end
local lost_before = ARGV[2] == '1' and now or (tonumber(redis.call('GET', KEYS[3]) or 0) - PASSED)
for _, conversation in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', lost_before, 'LIMIT', 0, ARGV[1])) do
  local look = tonumber(redis.call('ZSCORE', KEYS[1], conversation) or 0)
  if look == 0 then
    redis.call('ZREM', KEYS[2], conversation)
  elseif look > now and look <= now + LONG - AGAIN then
    due[#due + 1] = conversation
  end
end
for _, conversation in ipairs(due) do
  redis.call('ZADD', KEYS[1], now + LONG, conversation)
  redis.call('ZADD', KEYS[2], 'NX', now, conversation)
end
return due
