-- Count an attempt at making an order's invoice and push the order's due time back. Where there is
-- no such order, for the task was sent by hand, it is counted with the task.
-- includes begin_task
-- KEYS  1 order hash  2 order status  3 open orders  4 invoice  5 task hash
-- ARGV  1 order id  2 delivery id  3 overdue after, ms  4 task name  5 task expiry, s
-- reply {status, attempts}; status 'invoiced' when the invoice is there, 'unknown' when there
--       is no such order
if redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('ZREM', KEYS[3], ARGV[1])
  return {'invoiced', 0}
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {'unknown', begin_task({KEYS[5]}, {ARGV[4], ARGV[2], ARGV[5]})}
end
local status = redis.call('GET', KEYS[2]) or 'pending'
if status == 'processed' then
  redis.call('ZADD', KEYS[3], now_ms + ARGV[3], ARGV[1])
  if redis.call('HGET', KEYS[1], 'invoice_delivery') ~= ARGV[2] then
    redis.call('HINCRBY', KEYS[1], 'invoice_attempts', 1)
    redis.call('HSET', KEYS[1], 'invoice_delivery', ARGV[2])
  end
end
return {status, tonumber(redis.call('HGET', KEYS[1], 'invoice_attempts') or 0)}
