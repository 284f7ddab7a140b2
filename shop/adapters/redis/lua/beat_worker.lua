-- A worker's heartbeat; those that have been silent for too long are forgotten.
-- KEYS  1 workers of the queue  2 what operators told them
-- ARGV  1 worker name  2 forgotten after, ms  3 what an operator told it, as JSON ('' for nothing)
-- reply live workers
redis.call('ZADD', KEYS[1], now_ms, ARGV[1])
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
end
local function forget(from_ms, until_ms)
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], from_ms, until_ms)) do
    redis.call('ZREM', KEYS[1], worker)
    redis.call('HDEL', KEYS[2], worker)
  end
end
forget('-inf', now_ms - ARGV[2])
-- A beat that lies ahead was before the server's clock was set back; the living beat again.
forget('(' .. now_ms, '+inf')
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return redis.call('ZCARD', KEYS[1])
