-- Count an attempt at a task that has no record of its own.
-- KEYS  1 task hash
-- ARGV  1 task name  2 delivery id  3 task expiry, s
-- reply attempts
if redis.call('HGET', KEYS[1], 'attempt') ~= ARGV[2] then
  redis.call('HSET', KEYS[1], 'task', ARGV[1], 'attempt', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'attempts', 1)
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return tonumber(redis.call('HGET', KEYS[1], 'attempts'))
