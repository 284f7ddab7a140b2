-- Lease a notification for longer, if the delivery that asks still holds it.
-- KEYS  1 notification hash  2 open notifications
-- ARGV  1 task id  2 delivery id  3 overdue after, lease included, ms
-- reply 1, or 0 if another has it or it is closed
local seen = redis.call('HMGET', KEYS[1], 'status', 'holder')
if seen[1] ~= 'pending' or seen[2] ~= ARGV[2] then
  return 0
end
redis.call('ZADD', KEYS[2], now_ms + ARGV[3], ARGV[1])
return 1
