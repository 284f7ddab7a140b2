-- Stamp a task as started, and raise its queue's watermark: the newest publication that was
-- started.
-- KEYS  1 task hash  2 watermark of the queue
-- ARGV  1 task name  2 delivery id  3 enqueued at, ms ('' if the message has no stamp)
--       4 received so long ago, ms  5 task expiry, s
-- reply deliveries
redis.call('HSET', KEYS[1], 'task', ARGV[1], 'received_at', now_ms - ARGV[4],
  'started_at', now_ms)
redis.call('HDEL', KEYS[1], 'finished_at')
if ARGV[3] ~= '' then
  redis.call('HSETNX', KEYS[1], 'first_enqueued_at', ARGV[3])
  redis.call('HSET', KEYS[1], 'enqueued_at', ARGV[3])
  if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[2]) or 0) then
    redis.call('SET', KEYS[2], ARGV[3])
  end
end
if redis.call('HGET', KEYS[1], 'delivery') ~= ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'deliveries', 1)
  redis.call('HSET', KEYS[1], 'delivery', ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return tonumber(redis.call('HGET', KEYS[1], 'deliveries'))
