-- Leave a notification to the sweep, not before some time from now.
-- KEYS  1 notification hash  2 open notifications
-- ARGV  1 task id  2 delay, ms  3 reason
-- reply now
if redis.call('HGET', KEYS[1], 'status') == 'pending' then
  redis.call('HSET', KEYS[1], 'reason', ARGV[3])
  redis.call('ZADD', KEYS[2], now_ms + ARGV[2], ARGV[1])
end
return now_ms
