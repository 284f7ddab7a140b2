-- Count an attempt at delivering a notification and push its due time back; one whose task was
-- sent by hand is recorded here.
-- KEYS  1 notification hash  2 open notifications
-- ARGV  1 task id  2 email  3 message  4 delivery id  5 overdue after, lease included, ms
-- reply {status, attempts}
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'email', ARGV[2], 'message', ARGV[3], 'status', 'pending',
    'attempts', 0)
end
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'pending' then
  redis.call('ZADD', KEYS[2], now_ms + ARGV[5], ARGV[1])
  if redis.call('HGET', KEYS[1], 'delivery') ~= ARGV[4] then
    redis.call('HINCRBY', KEYS[1], 'attempts', 1)
    redis.call('HSET', KEYS[1], 'delivery', ARGV[4])
  end
end
return {status, tonumber(redis.call('HGET', KEYS[1], 'attempts') or 0)}
