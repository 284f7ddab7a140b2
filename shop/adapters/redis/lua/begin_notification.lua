-- Count an attempt at delivering a notification and push its due time back; one whose task was
-- sent by hand is recorded here. While one delivery has its lease, no other begins: a mail is sent
-- between two steps, and two at once would send it twice.
-- KEYS  1 notification hash  2 open notifications
-- ARGV  1 task id  2 email  3 message  4 delivery id  5 overdue after, ms  6 lease, ms
-- reply {status, or in_hand when another has it; attempts}
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'email', ARGV[2], 'message', ARGV[3], 'status', 'pending',
    'attempts', 0)
end
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'pending' then
  local holder = redis.call('HGET', KEYS[1], 'holder')
  -- The sweep leaves it alone for as long as it is overdue after, once the lease has ended.
  local due = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
  if holder and holder ~= ARGV[4] and due > now_ms + ARGV[5] then
    status = 'in_hand'
  else
    redis.call('ZADD', KEYS[2], now_ms + ARGV[5] + ARGV[6], ARGV[1])
    redis.call('HSET', KEYS[1], 'holder', ARGV[4])
    if redis.call('HGET', KEYS[1], 'delivery') ~= ARGV[4] then
      redis.call('HINCRBY', KEYS[1], 'attempts', 1)
      redis.call('HSET', KEYS[1], 'delivery', ARGV[4])
    end
  end
end
return {status, tonumber(redis.call('HGET', KEYS[1], 'attempts') or 0)}
