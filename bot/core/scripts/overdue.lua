-- Conversations that have waited too long for a wake-up; each is put off, so that many sweepers do not wake it at once.
-- KEYS pending | ARGV again_ms far_ms max
-- A score far in the future can only come from a clock that was set back; it counts as overdue.
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[3])
for _, conversation in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now + ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
  due[#due + 1] = conversation
end
for _, conversation in ipairs(due) do redis.call('ZADD', KEYS[1], now + ARGV[1], conversation) end
return due
