-- Time comes from Redis alone: clocks of workers and adapters may differ and jump.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- The way of a conversation that waits: `behind` its person's other replies, then in `line` and `held`, then leased.
-- `held` has as many of one person's conversations as may be answered at once, in line or leased, so that nobody
-- delays others beyond their share. `pending` has every one that is not at rest, each with the time of its next look:
-- the end of its lease, or, while it waits, LONG after it was last woken. Whoever puts it there without waking it says
-- `now`, and the sweeper wakes it.
local LONG = 1800000

-- How soon a wake-up that led to no lease is sent again, when nothing is left in the queue of wake-ups.
local AGAIN = 5000

-- Whether a lease still holds. A time far in the future can only come from a clock that was set back: the sweeper counts it
-- as overdue, and a worker that is alive renews it in a moment.
local function is_held(lease, till, now)
  return lease and tonumber(till) > now and tonumber(till) <= now + 2 * LONG
end

local function wait_behind(behind, conversation, now)
  redis.call('ZADD', behind, 'NX', now, conversation)
end

-- Puts the person's oldest waiting conversation into the line, if one more of theirs may be answered; '' if not.
local function next_in_line(pending, line, held, behind, limit, look_at)
  local theirs = redis.call('ZRANGE', held, 0, -1)
  if #theirs >= tonumber(limit) then return '' end
  -- One place in line a person: whoever writes in a hundred chats moves up no faster than the others.
  for _, conversation in ipairs(theirs) do
    if redis.call('ZSCORE', line, conversation) then return '' end
  end
  local oldest = redis.call('ZPOPMIN', behind)[1]
  if not oldest then return '' end
  local now = now_ms()
  redis.call('ZADD', held, now, oldest)
  redis.call('ZADD', line, now, oldest)
  redis.call('ZADD', pending, look_at, oldest)
  return oldest
end

local function leave_line(line, held, behind, conversation)
  redis.call('ZREM', line, conversation)
  redis.call('ZREM', held, conversation)
  redis.call('ZREM', behind, conversation)
end

