-- Both at once, for an order that needs no preparation in between.
-- includes begin_order, settle_order
-- KEYS  those of begin_order, then those of settle_order
-- ARGV  1 attempts that may be made  2 number of keys of begin_order  3 number of its arguments
--       then its arguments, then those of settle_order
-- reply {reply of begin_order, reply of settle_order: missing if the order is not to be settled}
local keys_of_begin, last_of_begin = tonumber(ARGV[2]), 3 + tonumber(ARGV[3])
local begun = begin_order({unpack(KEYS, 1, keys_of_begin)}, {unpack(ARGV, 4, last_of_begin)})
if begun[1] == 'conflict' or (begun[1] == 'pending' and begun[2] > tonumber(ARGV[1])) then
  return {begun}
end
return {begun,
  settle_order({unpack(KEYS, keys_of_begin + 1)}, {unpack(ARGV, last_of_begin + 1)})}
