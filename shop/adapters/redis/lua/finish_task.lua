-- Stamp a task as finished; how long it ran is counted once for each start.
-- KEYS  1 task hash  2 counts of tasks
-- ARGV  1 task expiry, s  2 its state: SUCCESS, FAILURE  3 whether it has a result (0, 1)
-- reply now
local seen = redis.call('HMGET', KEYS[1], 'task', 'started_at', 'finished_at')
redis.call('HSET', KEYS[1], 'finished_at', now_ms, 'state', ARGV[2], 'has_result', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[1])
if seen[1] and seen[2] and not seen[3] then
  observe(KEYS[2], 'run:' .. seen[1], math.max(0, now_ms - seen[2]))
end
return now_ms
