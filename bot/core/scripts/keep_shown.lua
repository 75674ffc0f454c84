-- Which messages show a conversation's reply, kept for a while; nothing of a person who was forgotten, who has no key any more.
-- KEYS shown key | ARGV shown keep_seconds
-- Gives 1, or 0 when the person is not known. Taken out first, so that it is kept where no memory is left (begin.lua).
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
