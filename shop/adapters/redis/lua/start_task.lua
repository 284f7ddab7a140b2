-- Stamp a task as started, and raise its queue's watermark: the newest publication that was
-- started.
-- KEYS  1 task hash  2 watermark of the queue  3 counts of tasks
-- ARGV  1 task name  2 delivery id  3 enqueued at, ms ('' if the message has no stamp)
--       4 received so long ago, ms  5 task expiry, s
-- reply deliveries
redis.call('HSET', KEYS[1], 'task', ARGV[1], 'received_at', now_ms - ARGV[4],
  'started_at', now_ms)
redis.call('HDEL', KEYS[1], 'finished_at')
-- A foreign client may put anything there; believed, a stamp from the future would make the
-- sweep take all waiting work for lost.
local stamp = tonumber(ARGV[3])
local is_believed = stamp and stamp >= 0 and stamp <= now_ms
if is_believed then
  -- The message that it was issued with may have been lost: the first is the one recorded then.
  redis.call('HSETNX', KEYS[1], 'first_enqueued_at',
    redis.call('HGET', KEYS[1], 'enqueued_at') or stamp)
  redis.call('HSET', KEYS[1], 'enqueued_at', stamp)
  if stamp > (whole_number_at(KEYS[2]) or 0) then
    redis.call('SET', KEYS[2], stamp)
  end
end
if redis.call('HGET', KEYS[1], 'delivery') ~= ARGV[2] then
  redis.call('HSET', KEYS[1], 'delivery', ARGV[2])
  if redis.call('HINCRBY', KEYS[1], 'deliveries', 1) > 1 then
    count(KEYS[3], 'redelivered:' .. ARGV[1])
  end
  if is_believed then
    observe(KEYS[3], 'wait:' .. ARGV[1], now_ms - stamp)
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return tonumber(redis.call('HGET', KEYS[1], 'deliveries'))
