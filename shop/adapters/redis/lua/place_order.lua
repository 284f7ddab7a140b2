-- Record an order as pending, owed and issued; an order that is there already is compared.
-- KEYS  1 order hash  2 order status  3 open orders  4 task hash  5 invoice
--       6 counts of orders
-- ARGV  1 order id  2 item  3 qty  4 email  5 task id  6 task name
--       7 overdue after, ms  8 task expiry, s  9 limit of open orders (0: none)  10 currency
-- reply {'placed', task id, now, status} | {'repeated', task id, placed at, status}
--       | {'conflict'} | {'full', open orders}
if redis.call('EXISTS', KEYS[1]) == 1 then
  local seen = redis.call('HMGET', KEYS[1], 'item', 'qty', 'email', 'task_id', 'placed_at')
  if seen[1] ~= ARGV[2] or seen[2] ~= ARGV[3] or seen[3] ~= ARGV[4] then
    return {'conflict'}
  end
  return {'repeated', seen[4], tonumber(seen[5] or 0) or 0, redis.call('GET', KEYS[2]) or 'pending'}
end

local limit = tonumber(ARGV[9])
if limit > 0 then
  local open = redis.call('ZCARD', KEYS[3])
  if open >= limit then
    return {'full', open}
  end
end

redis.call('HSET', KEYS[1], 'item', ARGV[2], 'qty', ARGV[3], 'email', ARGV[4],
  'task_id', ARGV[5], 'placed_at', now_ms, 'attempts', 0, 'currency', ARGV[10])
-- An invoice that somebody made by hand before there was an order is not this order's. Not as the
-- first write: after one that frees memory, a full server would not refuse the others.
redis.call('DEL', KEYS[5])
redis.call('SET', KEYS[2], 'pending')
redis.call('ZADD', KEYS[3], now_ms + ARGV[7], ARGV[1])
redis.call('HSET', KEYS[4], 'task', ARGV[6], 'enqueued_at', now_ms, 'order_id', ARGV[1])
redis.call('EXPIRE', KEYS[4], ARGV[8])
count(KEYS[6], 'placed')
return {'placed', ARGV[5], now_ms, 'pending'}
