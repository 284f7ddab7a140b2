-- Take an order up again that failed or was given up. It is due at once, and its task is told of
-- anew: a result that stood would be the old one for good.
-- KEYS  1 order hash  2 order status  3 open orders  4 dead orders  5 task hash
--       6 counts of orders  7 the task's result  8 task hash of the message id
-- ARGV  1 order id  2 task expiry, s  3 task name  4 database of the orders
--       5 database of the results ('': they are on another server)
--       6 message id: what was revoked is published under that one, for workers remember the other
-- reply {'revived', now} | {'unknown'} | {'refused', status}
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'unknown'}
end
local status = redis.call('GET', KEYS[2]) or 'pending'
if status ~= 'failed' and not redis.call('ZSCORE', KEYS[4], ARGV[1]) then
  local seen = redis.call('HMGET', KEYS[1], 'revived_at', 'attempts', 'invoice_attempts')
  if seen[1] and seen[2] == '0' and seen[3] == '0' and redis.call('ZSCORE', KEYS[3], ARGV[1]) then
    -- Nobody has begun it since: the same call once more, whose reply was lost.
    return {'revived', now_ms}
  end
  return {'refused', status}
end
if redis.call('HGET', KEYS[1], 'reason') == 'revoked' then
  redis.call('HSET', KEYS[1], status == 'failed' and 'message_id' or 'invoice_task_id', ARGV[6])
  redis.call('HSET', KEYS[8], 'task', ARGV[3], 'enqueued_at', now_ms, 'order_id', ARGV[1])
  redis.call('EXPIRE', KEYS[8], ARGV[2])
end
if status == 'failed' then
  redis.call('SET', KEYS[2], 'pending')
  redis.call('HDEL', KEYS[1], 'processed_at')
end
redis.call('HSET', KEYS[1], 'attempts', 0, 'invoice_attempts', 0, 'revived_at', now_ms)
redis.call('HDEL', KEYS[1], 'reason', 'delivery', 'invoice_delivery')
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[3], now_ms, ARGV[1])
redis.call('DEL', KEYS[5])
redis.call('HSET', KEYS[5], 'task', ARGV[3], 'enqueued_at', now_ms, 'order_id', ARGV[1])
redis.call('EXPIRE', KEYS[5], ARGV[2])
count(KEYS[6], 'revived')
if ARGV[5] ~= '' then
  redis.call('SELECT', ARGV[5])
  redis.call('DEL', KEYS[7])
  redis.call('SELECT', ARGV[4])
end
return {'revived', now_ms}
