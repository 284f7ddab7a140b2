-- Put a message back that is written down as unacknowledged and cannot be read, as it is.
-- KEYS  1 unacknowledged messages  2 their times of taking
-- ARGV  1 tag  2 how: LPUSH, RPUSH  3 queue, if what is written down says none
-- reply 1 if it was there
local written = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
if not written then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
-- [message,"exchange","routing key"], of which the message may be anything.
local message, queue = string.match(written, '^%[(.*), ?"[^"]*", ?"([^"]+)"%]$')
redis.call(ARGV[2], queue or ARGV[3], message or written)
return 1
