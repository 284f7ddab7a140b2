-- The books of some items beside what is left of them, in one step: nothing is sold in between.
-- KEYS  1 units that the audit began with  2 units restocked  3 units sold  then stock of each item
-- ARGV  the items
-- reply {initial, restocked, sold, left} for each item, left '' if it is no whole number
local books = {}
for column = 1, 3 do
  books[column] = redis.call('HMGET', KEYS[column], unpack(ARGV))
end
local reply = {}
for row = 1, #ARGV do
  local key = KEYS[3 + row]
  local left = whole_number_at(key)
  if not left then
    left = redis.call('EXISTS', key) == 1 and '' or 0
  end
  reply[row] = {books[1][row] or 0, books[2][row] or 0, books[3][row] or 0, left}
end
return reply
