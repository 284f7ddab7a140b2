-- The one place where an order leaves `pending`: the stock falls in the same step, so it falls
-- once. What the transition gives rise to (invoice, notification) is recorded with it.
-- KEYS  1 order hash  2 order status  3 open orders  4 stock  5 price
--       6 notification hash  7 open notifications  8 dead orders  9 task hash of the invoice
--       10 task hash of the notification  11 counts of orders
--       12 units of each SKU that the audit began with  13 units sold
--       14 counts of orders without a price  15 counts of numbered invoices, by year
-- ARGV  1 order id  2 overdue after, ms  3 invoice task id  4 notification task id ('': none)
--       5 notice if processed  6 notice if the item is unknown  7 notice if out of stock
--       8 task name of invoices  9 task name of notifications  10 task expiry, s
--       11 item  12 notice if the item has no price  13 what then (sell, refuse)
--       14 currency of prices  15 local time ahead of UTC, ms
-- reply {status, reason, now, processed at, unit price ('' if there is none), invoice task id ('' if none is owed),
--        notification task id ('' if none is owed)}
--       Whether this call made the transition or an earlier one. {'unknown'}: no such order.

-- The year of a day, counted from 1970, in the Gregorian calendar: of Howard Hinnant's
-- "chrono-Compatible Low-Level Date Algorithms", whose years begin in March.
local function year_of(ms)
  local day = math.floor(ms / 86400000) + 719468
  local era = math.floor(day / 146097)
  local day_of_era = day - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460)
    + math.floor(day_of_era / 36524) - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4)
    - math.floor(year_of_era / 100))
  return era * 400 + year_of_era + (day_of_year >= 306 and 1 or 0)
end

local status = redis.call('GET', KEYS[2])
if not status then
  return {'unknown'}
end
if status == 'pending' then
  local reason = ''
  local notice
  local qty = tonumber(redis.call('HGET', KEYS[1], 'qty'))
  local stock = whole_number_at(KEYS[4])
  local price = whole_number_at(KEYS[5])
  -- Prices are in the shop's currency of today: they say nothing of an order in another one.
  local currency = redis.call('HGET', KEYS[1], 'currency')
  if price and (price < 0 or currency and currency ~= ARGV[14]) then
    price = nil
  end
  if not stock then
    status, reason, notice = 'failed', 'unknown_item', ARGV[6]
  elseif not price and ARGV[13] == 'refuse' then
    status, reason, notice = 'failed', 'no_price', ARGV[12]
  elseif stock < qty then
    status, reason, notice = 'failed', 'out_of_stock', ARGV[7]
  else
    status, notice = 'processed', ARGV[5]
    redis.call('DECRBY', KEYS[4], qty)
  end

  redis.call('SET', KEYS[2], status)
  redis.call('HSET', KEYS[1], 'processed_at', now_ms)
  redis.call('ZREM', KEYS[8], ARGV[1])
  if status == 'processed' then
    redis.call('HSET', KEYS[1], 'invoice_task_id', ARGV[3])
    if price then
      redis.call('HSET', KEYS[1], 'unit_price', price)
    end
    -- In the step that happens once: no number is left out, and none is used twice.
    local year = year_of(now_ms + ARGV[15])
    local numbered = redis.pcall('HINCRBY', KEYS[15], year, 1)
    if type(numbered) == 'number' then
      redis.call('HSET', KEYS[1], 'invoice_number', string.format('INV-%d-%06d', year, numbered))
    end
    redis.call('ZADD', KEYS[3], now_ms + ARGV[2], ARGV[1])
    redis.call('HSET', KEYS[9], 'task', ARGV[8], 'enqueued_at', now_ms, 'order_id', ARGV[1])
    redis.call('EXPIRE', KEYS[9], ARGV[10])
  else
    redis.call('HSET', KEYS[1], 'reason', reason)
    redis.call('ZREM', KEYS[3], ARGV[1])
  end

  if ARGV[4] ~= '' then
    redis.call('HSET', KEYS[1], 'notification_task_id', ARGV[4])
    redis.call('HSET', KEYS[6], 'email', redis.call('HGET', KEYS[1], 'email'),
      'message', notice, 'status', 'pending', 'attempts', 0, 'order_id', ARGV[1])
    redis.call('ZADD', KEYS[7], now_ms + ARGV[2], ARGV[4])
    redis.call('HSET', KEYS[10], 'task', ARGV[9], 'enqueued_at', now_ms)
    redis.call('EXPIRE', KEYS[10], ARGV[10])
  end

  if stock and not price then
    count(KEYS[14], ARGV[11])
  end
  -- After the stock and the status, which whoever watches sees follow each other.
  count(KEYS[11], reason == '' and status or reason)
  if status == 'processed' then
    -- An item whose stock was set by hand comes into the books with its first sale.
    redis.pcall('HSETNX', KEYS[12], ARGV[11], stock)
    count(KEYS[13], ARGV[11], qty)
  end
end

local seen = redis.call('HMGET', KEYS[1], 'reason', 'processed_at', 'unit_price',
  'invoice_task_id', 'notification_task_id')
local invoice_id = ''
if status == 'processed' and redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  invoice_id = seen[4] or ''
end
local notification_id = ''
if seen[5] and redis.call('ZSCORE', KEYS[7], seen[5]) then
  notification_id = seen[5]
end
return {status, seen[1] or '', now_ms, tonumber(seen[2] or 0), tonumber(seen[3]) or '',
  invoice_id, notification_id}
