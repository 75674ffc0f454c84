-- Time comes from Redis alone: clocks of workers and adapters may differ and jump.
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

