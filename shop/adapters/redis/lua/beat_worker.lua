-- A worker's sign of life; those that have been silent for too long are forgotten.
-- KEYS  1 workers of the queue
-- ARGV  1 worker name  2 forgotten after, ms
-- reply live workers
redis.call('ZADD', KEYS[1], now_ms, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms - ARGV[2])
return redis.call('ZCARD', KEYS[1])
