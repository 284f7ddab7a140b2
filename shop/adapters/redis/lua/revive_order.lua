-- Take an order up again that failed or was given up; it is due at once.
-- KEYS  1 order hash  2 order status  3 open orders  4 dead orders  5 task hash
--       6 counts of orders
-- ARGV  1 order id  2 task expiry, s  3 task name
-- reply {'revived', now} | {'unknown'} | {'refused', status}
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'unknown'}
end
local status = redis.call('GET', KEYS[2]) or 'pending'
if status ~= 'failed' and not redis.call('ZSCORE', KEYS[4], ARGV[1]) then
  return {'refused', status}
end
if status == 'failed' then
  redis.call('SET', KEYS[2], 'pending')
  redis.call('HDEL', KEYS[1], 'processed_at')
end
redis.call('HDEL', KEYS[1], 'reason', 'delivery', 'invoice_delivery')
redis.call('HSET', KEYS[1], 'attempts', 0, 'invoice_attempts', 0)
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[3], now_ms, ARGV[1])
redis.call('HSET', KEYS[5], 'task', ARGV[3], 'enqueued_at', now_ms)
redis.call('EXPIRE', KEYS[5], ARGV[2])
count(KEYS[6], 'revived')
return {'revived', now_ms}
