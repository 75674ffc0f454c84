-- Another text for the last turn, or none: it is taken back. KEYS state inbox memory | ARGV old new update_id
-- With an update_id once alone: Redis may go away before it is known that the update was dealt with.
-- Gives 'done', 'before' when it was done for this update already, 'busy' when a line waits or is being answered (it stays in the inbox until its turn ends), 'changed'
-- when the last turn is not `old`.
if ARGV[3] ~= '' and redis.call('HGET', KEYS[1], 'undone') == ARGV[3] then return 'before' end
if redis.call('LLEN', KEYS[2]) > 0 then return 'busy' end
if redis.call('LINDEX', KEYS[3], -1) ~= ARGV[1] then return 'changed' end
if ARGV[2] == '' then redis.call('RPOP', KEYS[3]) else redis.call('LSET', KEYS[3], -1, ARGV[2]) end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'undone', ARGV[3]) end
return 'done'
