-- Give an order up. One that is pending fails; one that is processed keeps its status, for its
-- stock is sold, and lacks its invoice.
-- Whoever gives it up may be late: one that has moved on in the meantime is left alone.
-- KEYS  1 order hash  2 order status  3 open orders  4 dead orders  5 invoice
--       6 counts of orders  7 counts of dead letters
-- ARGV  1 order id  2 reason  3 status that it is given up in: pending, processed
--       4 id that the task it is given up for is published under ('': whichever)
-- reply now
if redis.call('GET', KEYS[2]) ~= ARGV[3] or redis.call('EXISTS', KEYS[5]) == 1 then
  return now_ms
end
if ARGV[4] ~= '' then
  local seen = redis.call('HMGET', KEYS[1], 'task_id', 'message_id', 'invoice_task_id')
  if ARGV[4] ~= (ARGV[3] == 'pending' and (seen[2] or seen[1]) or seen[3]) then
    return now_ms
  end
end
if ARGV[3] == 'pending' then
  redis.call('SET', KEYS[2], 'failed')
  redis.call('HSET', KEYS[1], 'processed_at', now_ms)
  count(KEYS[6], ARGV[2])
end
redis.call('HSET', KEYS[1], 'reason', ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('ZADD', KEYS[4], now_ms, ARGV[1]) == 1 then
  count(KEYS[7], ARGV[3] == 'pending' and 'order' or 'invoice')
end
return now_ms
