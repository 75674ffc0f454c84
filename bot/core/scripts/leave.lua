-- Erase what is left of a conversation in which everything was forgotten, unless its person has written there since.
-- KEYS inbox memory conversations state... (all others of the conversation) | ARGV conversation
-- Gives 1, or 0 when they have.
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('DEL', unpack(KEYS, 4))
return 1
