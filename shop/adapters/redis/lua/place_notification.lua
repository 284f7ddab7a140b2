-- Record a notification as owed and issued.
-- KEYS  1 notification hash  2 open notifications  3 task hash
-- ARGV  1 task id  2 email  3 message  4 overdue after, ms  5 task expiry, s  6 task name
-- reply now
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'email', ARGV[2], 'message', ARGV[3], 'status', 'pending',
    'attempts', 0)
  redis.call('ZADD', KEYS[2], now_ms + ARGV[4], ARGV[1])
  redis.call('HSET', KEYS[3], 'task', ARGV[6], 'enqueued_at', now_ms)
  redis.call('EXPIRE', KEYS[3], ARGV[5])
end
return now_ms
