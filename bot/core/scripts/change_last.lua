-- Another text for the last turn, or none: it is taken back. KEYS inbox memory | ARGV old new
-- Gives 'done', 'busy' when a line waits or is being answered (it stays in the inbox until its turn ends), 'changed'
-- when the last turn is not `old`.
if redis.call('LLEN', KEYS[1]) > 0 then return 'busy' end
if redis.call('LINDEX', KEYS[2], -1) ~= ARGV[1] then return 'changed' end
if ARGV[2] == '' then redis.call('RPOP', KEYS[2]) else redis.call('LSET', KEYS[2], -1, ARGV[2]) end
return 'done'
