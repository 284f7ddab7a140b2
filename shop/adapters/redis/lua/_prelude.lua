-- Set before every script. Time is the server's, in milliseconds: clients' clocks disagree.
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- The whole number at a key, or nil: people set keys by hand. Leading zeros are none to Redis
-- either, and beyond 15 digits Lua's numbers are not exact.
local function whole_number_at(key)
  local text = redis.pcall('GET', key)
  if type(text) == 'string' and #text <= 16
    and (text == '0' or string.match(text, '^%-?[1-9]%d*$')) then
    local number = tonumber(text)
    return math.abs(number) < 1e15 and number or nil
  end
end

-- Counts for the metrics, in the same step as what they count. A key that people have damaged must
-- not keep an order from moving on: hence `pcall`.
local function count(key, field, number)
  redis.pcall('HINCRBY', key, field, number or 1)
end

-- A histogram's buckets in milliseconds; `shop/domain/tally.py` has the same.
local function observe(key, name, ms)
  local bucket = 'inf'
  for _, bound in ipairs({1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000,
    120000, 300000, 600000}) do
    if ms <= bound then
      bucket = bound
      break
    end
  end
  count(key, name .. ':' .. bucket)
  count(key, name .. ':sum', ms)
end
