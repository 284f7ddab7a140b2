-- Count an attempt at delivering a notification and push its due time back; one whose task was
-- sent by hand is recorded here. While one delivery has its lease, no other begins: a mail is sent
-- between two steps, and two at once would send it twice. While the sender is to slow down, none
-- begins: each is left to the sweep, one after the other, so that not all come back at once.
-- KEYS  1 notification hash  2 open notifications  3 pause of the sender
--       4 counts of notifications
-- ARGV  1 task id  2 email  3 message  4 delivery id  5 overdue after, ms  6 lease, ms
--       7 longest pause, ms  8 between two that were left, ms
-- reply {status, or in_hand when another has it, or paused; attempts; deferrals; order id or ''}
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'email', ARGV[2], 'message', ARGV[3], 'status', 'pending',
    'attempts', 0)
end
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'pending' then
  local holder = redis.call('HGET', KEYS[1], 'holder')
  -- The sweep leaves it alone for as long as it is overdue after, once the lease has ended.
  local due = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
  local paused_ms = tonumber(redis.call('HGET', KEYS[3], 'until') or 0) - now_ms
  if holder and holder ~= ARGV[4] and due > now_ms + ARGV[5] then
    status = 'in_hand'
  -- A clock that was set back makes no pause longer than the longest.
  elseif paused_ms > 0 and paused_ms <= tonumber(ARGV[7]) then
    status = 'paused'
    -- Once a delivery, though the call may be repeated.
    if redis.call('HGET', KEYS[1], 'left') ~= ARGV[4] then
      redis.call('HSET', KEYS[1], 'left', ARGV[4])
      redis.call('HDEL', KEYS[1], 'holder')
      local left = redis.call('HINCRBY', KEYS[3], 'left', 1)
      redis.call('ZADD', KEYS[2], now_ms + paused_ms + left * ARGV[8], ARGV[1])
      count(KEYS[4], 'deferred')
    end
  else
    redis.call('ZADD', KEYS[2], now_ms + ARGV[5] + ARGV[6], ARGV[1])
    redis.call('HSET', KEYS[1], 'holder', ARGV[4])
    if redis.call('HGET', KEYS[1], 'delivery') ~= ARGV[4] then
      redis.call('HINCRBY', KEYS[1], 'attempts', 1)
      redis.call('HSET', KEYS[1], 'delivery', ARGV[4])
    end
  end
end
local seen = redis.call('HMGET', KEYS[1], 'attempts', 'deferrals', 'order_id')
return {status, tonumber(seen[1] or 0), tonumber(seen[2] or 0), seen[3] or ''}
