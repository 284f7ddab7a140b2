-- Give up work whose record cannot be read: only somebody who looks at it can help.
-- KEYS  1 order or notification hash  2 open work  3 dead work  4 counts of dead letters
-- ARGV  1 id  2 reason  3 what it is: order, notification
-- reply now
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'reason', ARGV[2])
end
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('ZADD', KEYS[3], now_ms, ARGV[1]) == 1 then
  count(KEYS[4], ARGV[3])
end
return now_ms
