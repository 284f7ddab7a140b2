-- Nothing is owed for a notification any more: it was delivered, or given up.
-- KEYS  1 notification hash  2 open notifications  3 dead notifications
--       4 counts of notifications  5 counts of dead letters  6 counts of the mail server's replies
--       7 pause of the sender
-- ARGV  1 task id  2 status: delivered, failed  3 reason, if it failed  4 expiry, s
--       5 the mail server's reply code ('': there was none)
-- reply now
if redis.call('HGET', KEYS[1], 'status') == 'pending' then
  redis.call('HSET', KEYS[1], 'status', ARGV[2], 'closed_at', now_ms)
  if ARGV[2] == 'failed' then
    redis.call('HSET', KEYS[1], 'reason', ARGV[3])
    redis.call('ZADD', KEYS[3], now_ms, ARGV[1])
    count(KEYS[5], 'notification')
  else
    redis.call('EXPIRE', KEYS[1], ARGV[4])
    -- One that was under way when the pause began does not end it.
    if tonumber(redis.call('HGET', KEYS[7], 'until') or now_ms + 1) <= now_ms then
      redis.call('DEL', KEYS[7])
    end
  end
  count(KEYS[4], ARGV[2])
  if ARGV[5] ~= '' then
    count(KEYS[6], ARGV[5])
  end
end
redis.call('ZREM', KEYS[2], ARGV[1])
return now_ms
