-- Put a message where the next one is taken from, in place of the same that waits there already: so
-- that of a task which is sent again and again but one is ahead of all the others.
-- KEYS  1 queue
-- ARGV  1 message  2 text by which the same is known
-- reply messages that wait
for _, waiting in ipairs(redis.call('LRANGE', KEYS[1], -8, -1)) do
  if string.find(waiting, ARGV[2], 1, true) then
    redis.call('LREM', KEYS[1], -1, waiting)
  end
end
return redis.call('RPUSH', KEYS[1], ARGV[1])
