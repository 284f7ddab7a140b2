-- Stamp a task as finished.
-- KEYS  1 task hash
-- ARGV  1 task expiry, s
-- reply now
redis.call('HSET', KEYS[1], 'finished_at', now_ms)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return now_ms
