-- Set an item's stock and price, and book it: what the books do not explain was restocked.
-- KEYS  1 stock  2 price  3 units that the audit began with  4 units restocked  5 units sold
-- ARGV  1 item  2 qty  3 price ('': leave it)  4 only what is missing (0, 1)
-- reply 1 if the stock was set
if ARGV[3] ~= '' and (ARGV[4] == '0' or redis.call('EXISTS', KEYS[2]) == 0) then
  redis.call('SET', KEYS[2], ARGV[3])
end
if ARGV[4] == '1' and redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
local sold = tonumber(redis.call('HGET', KEYS[5], ARGV[1]) or 0)
local initial = redis.call('HGET', KEYS[3], ARGV[1])
if initial then
  redis.call('HSET', KEYS[4], ARGV[1], ARGV[2] + sold - initial)
else
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] + sold)
end
return 1
