-- Keep an order's invoice unless there is one; with it nothing is owed for the order any more.
-- KEYS  1 order hash  2 order status  3 open orders  4 invoice  5 dead orders
--       6 counts of orders
-- ARGV  1 order id  2 PDF bytes
-- reply {'stored'} | {'kept'} | {'refused', status}
if redis.call('EXISTS', KEYS[1]) == 1 then
  local status = redis.call('GET', KEYS[2]) or 'pending'
  if status ~= 'processed' then
    return {'refused', status}
  end
  -- It may have been given up while its invoice was being drawn.
  redis.call('HDEL', KEYS[1], 'reason')
end
local stored = redis.call('SETNX', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[1])
if stored == 1 and redis.call('EXISTS', KEYS[1]) == 1 then
  count(KEYS[6], 'invoiced')
end
redis.call('ZREM', KEYS[5], ARGV[1])
return {stored == 1 and 'stored' or 'kept'}
