-- May this update be taken? By the lists, the person's rate and their budget of the day, in one step.
-- KEYS seen access rate usage told spent
-- ARGV update_id person chat server is_invite_only per_minute daily_tokens keep_told_ms
-- The names are those of the lists, such as person:1001; per_minute and daily_tokens are 0 where there is no limit.
-- Gives {reason, wait_ms, was_told}; the reason is '' when it may. A refused update counts as seen: it gets no second look.
local now = now_ms()
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {'', 0, 0} end

local function refuse(reason, wait_ms, quiet_ms)
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  if tonumber(redis.call('HGET', KEYS[5], reason) or 0) > now then return {reason, math.ceil(wait_ms), 1} end
  redis.call('HSET', KEYS[5], reason, now + quiet_ms)
  redis.call('PEXPIRE', KEYS[5], ARGV[8])
  return {reason, math.ceil(wait_ms), 0}
end

local function is_listed(list)
  local found = redis.call('HMGET', KEYS[2], list .. ARGV[2], list .. ARGV[3], list .. ARGV[4])
  return found[1] or found[2] or found[3]
end

if is_listed('block:') then return refuse('blocked', 0, ARGV[8]) end
if ARGV[5] == '1' and not is_listed('allow:') then return refuse('uninvited', 0, ARGV[8]) end
redis.call('HDEL', KEYS[5], 'blocked', 'uninvited')

-- The generic cell rate algorithm: `full` is when the bucket will be full again, so a missing key is a full bucket.
local per_minute, interval, full = tonumber(ARGV[6]), 0, now
if per_minute > 0 then
  interval = 60000 / per_minute
  local kept = redis.call('GET', KEYS[3])
  if not kept then redis.call('HDEL', KEYS[5], 'rate') end
  -- More than a minute ahead can only come from a clock that was set back.
  full = math.min(math.max(tonumber(kept or 0), now), now + 60000)
  local early = full + interval - now - 60000
  if early > 0.001 then return refuse('rate', early, 60000) end
end

if tonumber(ARGV[7]) > 0 then
  local day = math.floor(now / 86400000)
  local usage = redis.call('HMGET', KEYS[4], 'day', 'tokens_today')
  local spent = tonumber(redis.call('GET', KEYS[6]) or 0)
  if tonumber(usage[1] or -1) == day then spent = spent + tonumber(usage[2] or 0) end
  if spent >= tonumber(ARGV[7]) then
    local till_midnight = (day + 1) * 86400000 - now
    return refuse('tokens', till_midnight, till_midnight)
  end
  redis.call('HDEL', KEYS[5], 'tokens')
end

if per_minute > 0 then redis.call('SET', KEYS[3], full + interval, 'PX', math.ceil(full + interval - now)) end
return {'', 0, 0}
