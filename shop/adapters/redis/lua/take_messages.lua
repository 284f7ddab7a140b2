-- Take messages from a queue of kombu's and write them down as unacknowledged, in one step, the way
-- kombu would; and forget those that were acknowledged.
-- KEYS  1 unacknowledged messages  2 their times of taking  then the queue's lists, the first first
-- ARGV  1 so many at most  2 queue  3 how the tags of what is taken begin
--       then tags of what was acknowledged
-- reply the messages; their tags end in 1, 2 ...
for first = 4, #ARGV, 1000 do
  local last = math.min(first + 999, #ARGV)
  redis.call('ZREM', KEYS[2], unpack(ARGV, first, last))
  redis.call('HDEL', KEYS[1], unpack(ARGV, first, last))
end

local taken = {}
local origin = ',"",' .. cjson.encode(ARGV[2]) .. ']'
for list = 3, #KEYS do
  while #taken < tonumber(ARGV[1]) do
    local message = redis.call('RPOP', KEYS[list])
    if not message then
      break
    end
    taken[#taken + 1] = message
    local tag = ARGV[3] .. #taken
    redis.call('HSET', KEYS[1], tag, '[' .. message .. origin)
    redis.call('ZADD', KEYS[2], now_ms / 1000, tag)
  end
end
return taken
