-- Count an attempt at processing an order and push its due time back. An order whose task was
-- sent by hand, without being placed, is recorded here.
-- KEYS  1 order hash  2 order status  3 open orders  4 invoice
--       5 counts of orders  6 task hash
-- ARGV  1 order id  2 item  3 qty  4 email  5 task id  6 delivery id
--       7 overdue after, lease included, ms  8 currency
-- reply {status, attempts} | {'conflict', 0}
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'item', ARGV[2], 'qty', ARGV[3], 'email', ARGV[4],
    'task_id', ARGV[5], 'placed_at', now_ms, 'attempts', 0, 'currency', ARGV[8])
  -- An invoice that somebody made by hand before there was an order is not this order's. Not as
  -- the first write: after one that frees memory, a full server would not refuse the others.
  redis.call('DEL', KEYS[4])
  count(KEYS[5], 'placed')
else
  local seen = redis.call('HMGET', KEYS[1], 'item', 'qty', 'email')
  if seen[1] ~= ARGV[2] or seen[2] ~= ARGV[3] or seen[3] ~= ARGV[4] then
    return {'conflict', 0}
  end
end

-- The state of a task that a client sent by hand is its order's, too.
if redis.call('EXISTS', KEYS[6]) == 1 then
  redis.call('HSETNX', KEYS[6], 'order_id', ARGV[1])
end

local status = redis.call('GET', KEYS[2])
if not status then
  status = 'pending'
  redis.call('SET', KEYS[2], status)
end
if status == 'pending' then
  redis.call('ZADD', KEYS[3], now_ms + ARGV[7], ARGV[1])
  -- A client that retries after a lost reply comes with the same delivery id.
  if redis.call('HGET', KEYS[1], 'delivery') ~= ARGV[6] then
    redis.call('HINCRBY', KEYS[1], 'attempts', 1)
    redis.call('HSET', KEYS[1], 'delivery', ARGV[6])
  end
end
return {status, tonumber(redis.call('HGET', KEYS[1], 'attempts') or 0)}
