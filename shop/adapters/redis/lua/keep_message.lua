-- Keep a message that no worker can process; of too many the oldest go.
-- KEYS  1 dead messages  2 counts of dead letters
-- ARGV  1 entry: a JSON object without the time  2 id that no other entry has  3 entries at most
-- reply entries that are kept
-- A client that repeats this after a lost reply comes with the same id, before many others do.
for _, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, 15)) do
  if string.find(entry, ARGV[2], 1, true) then
    return redis.call('LLEN', KEYS[1])
  end
end
local entry = string.format('{"at_ms":%.0f,', now_ms) .. string.sub(ARGV[1], 2)
redis.call('LPUSH', KEYS[1], entry)
redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
count(KEYS[2], 'message')
return redis.call('LLEN', KEYS[1])
