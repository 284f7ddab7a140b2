-- Leave a notification to the sweep, not before some time from now.
-- KEYS  1 notification hash  2 open notifications  3 counts of notifications
--       4 counts of the mail server's replies
-- ARGV  1 task id  2 delay, ms  3 reason  4 what to count of the server's reply ('': nothing)
-- reply now
if redis.call('HGET', KEYS[1], 'status') == 'pending' then
  redis.call('HSET', KEYS[1], 'reason', ARGV[3])
  redis.call('HDEL', KEYS[1], 'holder')
  redis.call('ZADD', KEYS[2], now_ms + ARGV[2], ARGV[1])
  -- Once an attempt, though the call may be repeated.
  local seen = redis.call('HMGET', KEYS[1], 'attempts', 'postponed_after')
  if seen[1] ~= seen[2] then
    redis.call('HSET', KEYS[1], 'postponed_after', seen[1])
    count(KEYS[3], 'postponed')
    if ARGV[4] ~= '' then
      count(KEYS[4], ARGV[4])
    end
  end
end
return now_ms
