-- Put a message that was not acknowledged back into its queue, in one step. A full Redis does it as
-- well: it refuses no write after one that frees memory.
-- KEYS  1 unacknowledged messages  2 their times of taking  then a list for each message to push
-- ARGV  1 tag  2 RPUSH, to come first, or LPUSH  then the messages, one for each list
-- reply whether it was there
local is_there = redis.call('HDEL', KEYS[1], ARGV[1]) == 1
redis.call('ZREM', KEYS[2], ARGV[1])
if is_there then
  for list = 3, #KEYS do
    redis.call(ARGV[2], KEYS[list], ARGV[list])
  end
end
return is_there
