-- How many workers of each queue are alive, and what operators told them.
-- KEYS  for each queue: its workers, then what operators told them
-- ARGV  1 dead after, ms
-- reply a list for each queue: live workers, then as JSON what each was told that was told something
local queues = {}
for index = 1, #KEYS, 2 do
  -- A beat that lies ahead was before the server's clock was set back: it says nothing of now.
  local alive = redis.call('ZRANGEBYSCORE', KEYS[index], now_ms - ARGV[1], now_ms)
  local queue = {#alive}
  for _, worker in ipairs(alive) do
    local told = redis.call('HGET', KEYS[index + 1], worker)
    if told then
      queue[#queue + 1] = told
    end
  end
  queues[#queues + 1] = queue
end
return queues
