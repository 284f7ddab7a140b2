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
