-- Leave a notification to the sweep, and take its attempt back: what stopped it says nothing of it.
-- If the mail server wants fewer mails, no other is tried for a while either: for twice as long
-- each time, until one is delivered.
-- KEYS  1 notification hash  2 open notifications  3 counts of notifications
--       4 counts of the mail server's replies  5 pause of the sender
-- ARGV  1 task id  2 delay, ms  3 reason  4 what to count of the server's reply ('': nothing)
--       5 first pause, ms ('': none)  6 longest pause, ms
-- reply now
if redis.call('HGET', KEYS[1], 'status') == 'pending' then
  local due = now_ms + ARGV[2]
  if ARGV[5] ~= '' then
    local seen = redis.call('HMGET', KEYS[5], 'until', 'in_a_row')
    local paused_ms = tonumber(seen[1] or 0) - now_ms
    -- Several mails may be under way when the server says so: the first of them counts.
    if paused_ms <= 0 or paused_ms > tonumber(ARGV[6]) then
      local in_a_row = tonumber(seen[2] or 0)
      paused_ms = math.min(ARGV[6], ARGV[5] * 2 ^ math.min(in_a_row, 20))
      redis.call('HSET', KEYS[5], 'until', now_ms + paused_ms, 'in_a_row', in_a_row + 1,
        'left', 0, 'reason', ARGV[3])
    end
    due = math.max(due, now_ms + paused_ms)
  end
  redis.call('HSET', KEYS[1], 'reason', ARGV[3])
  redis.call('HDEL', KEYS[1], 'holder')
  redis.call('ZADD', KEYS[2], due, ARGV[1])
  -- Once an attempt, though the call may be repeated.
  if redis.call('HDEL', KEYS[1], 'delivery') == 1 then
    redis.call('HINCRBY', KEYS[1], 'attempts', -1)
    redis.call('HINCRBY', KEYS[1], 'deferrals', 1)
    count(KEYS[3], 'deferred')
    if ARGV[4] ~= '' then
      count(KEYS[4], ARGV[4])
    end
  end
end
return now_ms
