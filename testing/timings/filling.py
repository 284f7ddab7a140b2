"""Fills a store with what a shop has in it after a while, in seconds.

Of a processed order the shop keeps the record, the status and the invoice for ever; marks of
tasks, results and delivered notifications expire within a day, so they are left out. The
invoice is a stub of 64 bytes: the sweep asks whether it is there, and a million real ones would
be 20 GB. A tenth of the orders is open and not overdue, the backlog at which the API turns
orders away by default: a sweep must not look at those either. The lot is written by a script
inside the server, for a million orders sent one by one take minutes.
"""

from collections.abc import Callable

from redis import Redis

from shop.adapters.redis import keys

#: Orders that are owed work and overdue, in a store of any size.
OVERDUE = 100
#: One order in so many is open, and not overdue.
OPEN_ONE_IN = 10
#: How long until those are overdue.
DUE_IN_MS = 24 * 60 * 60 * 1_000
OVERDUE_SINCE_MS = 60_000
ORDERS_A_CALL = 10_000
SKUS_A_CALL = 10_000

# KEYS: none, for this is one server and these are thousands.
# ARGV: first number, last number, overdue (the lowest numbers), open one in, due in ms
_ORDERS = """
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local id = string.format('A-%07d', n)
  local key = 'order:' .. id
  local task = string.format('00000000-0000-4000-8000-%012d', n)
  local open = n < tonumber(ARGV[3]) or n % tonumber(ARGV[4]) == 0
  redis.call('HSET', key, 'item', 'kettle-' .. n % 1000, 'qty', n % 9 + 1,
    'email', 'customer' .. n .. '@example.com', 'task_id', task,
    'placed_at', now_ms - 1000000, 'attempts', 0)
  if open then
    redis.call('SET', key .. ':status', 'pending')
    redis.call('ZADD', 'orders:open', now_ms + tonumber(ARGV[5]), id)
  else
    redis.call('HSET', key, 'attempts', 1, 'delivery', task, 'processed_at', now_ms - 990000,
      'unit_price', 3490, 'invoice_task_id', task, 'notification_task_id', task,
      'invoice_attempts', 1, 'invoice_delivery', task)
    redis.call('SET', key .. ':status', 'processed')
    redis.call('SET', 'invoice:' .. id, string.rep('x', 64))
  end
end
"""

# ARGV: first number, last number
_STOCK = """
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('SET', string.format('stock:sku-%07d', n), n)
end
"""


def fill_orders(
    client: Redis, orders: int, on_progress: Callable[[int], None] = lambda _: None
) -> None:
    """`orders` of them, of which the first `OVERDUE` are pending."""
    fill = client.register_script(_ORDERS)
    for first in range(0, orders, ORDERS_A_CALL):
        last = min(first + ORDERS_A_CALL, orders) - 1
        fill(args=[first, last, OVERDUE, OPEN_ONE_IN, DUE_IN_MS])
        on_progress(last + 1)


def make_overdue(client: Redis) -> None:
    """Let the first `OVERDUE` orders be owed work since a minute ago."""
    seconds, microseconds = client.time()
    due_ms = seconds * 1000 + microseconds // 1000 - OVERDUE_SINCE_MS
    client.zadd(keys.ORDERS_OPEN, {f"A-{number:07d}": due_ms for number in range(OVERDUE)})


def fill_stock(client: Redis, skus: int) -> None:
    """`skus` of them, no two of the same level: what is kept of one helps with no other."""
    fill = client.register_script(_STOCK)
    for first in range(0, skus, SKUS_A_CALL):
        fill(args=[first, min(first + SKUS_A_CALL, skus) - 1])
