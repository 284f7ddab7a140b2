-- How many workers of each queue are alive.
-- KEYS  workers of each queue
-- ARGV  1 dead after, ms
-- reply one number for each key
local alive = {}
for index, key in ipairs(KEYS) do
  alive[index] = redis.call('ZCOUNT', key, now_ms - ARGV[1], '+inf')
end
return alive
