-- Nothing is owed for a notification any more: it was delivered, or given up.
-- KEYS  1 notification hash  2 open notifications  3 dead notifications
--       4 counts of notifications  5 counts of dead letters
-- ARGV  1 task id  2 status: delivered, failed  3 reason, if it failed  4 expiry, s
-- reply now
if redis.call('HGET', KEYS[1], 'status') == 'pending' then
  redis.call('HSET', KEYS[1], 'status', ARGV[2], 'closed_at', now_ms)
  if ARGV[2] == 'failed' then
    redis.call('HSET', KEYS[1], 'reason', ARGV[3])
    redis.call('ZADD', KEYS[3], now_ms, ARGV[1])
    count(KEYS[5], 'notification')
  else
    redis.call('EXPIRE', KEYS[1], ARGV[4])
  end
  count(KEYS[4], ARGV[2])
end
redis.call('ZREM', KEYS[2], ARGV[1])
return now_ms
