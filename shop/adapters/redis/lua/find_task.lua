-- A task's stamps, and the record of the work that the task is about, of one moment.
-- KEYS  1 task hash  2 notification hash
-- ARGV  keys of an order, with %s in place of its id:  1 hash  2 status  3 invoice
-- reply {now, task hash, order status, reason, processed at, invoice is there (0, 1),
--        notification status, reason, closed at}; nil for what is not there, {} for an unknown
--        task
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then
  return {}
end
local reply = {now_ms, fields, false, false, false, 0, false, false, false}
local order_id = redis.call('HGET', KEYS[1], 'order_id')
if order_id then
  local order = string.format(ARGV[1], order_id)
  local seen = redis.call('HMGET', order, 'reason', 'processed_at')
  reply[3] = redis.call('GET', string.format(ARGV[2], order_id))
  reply[4], reply[5] = seen[1], seen[2]
  reply[6] = redis.call('EXISTS', string.format(ARGV[3], order_id))
end
local notification = redis.call('HMGET', KEYS[2], 'status', 'reason', 'closed_at')
reply[7], reply[8], reply[9] = notification[1], notification[2], notification[3]
return reply
