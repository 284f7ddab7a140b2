"""The stock room for commands, and the stock that a new shop starts with."""

from shop.adapters.redis.client import connect
from shop.adapters.redis.stock import RedisStockRoom
from shop.domain.stock import StockLevel
from shop.settings import Settings

#: Prices are in minor units, whatever the currency: 1990 is 19.90 in most.
DEMO_STOCK = (
    StockLevel("SKU-1", 1_000, 1_990),
    StockLevel("SKU-2", 500, 4_900),
    StockLevel("SKU-3", 100, 12_500),
    StockLevel("SKU-4", 10, 79_900),
    # For a look at an order that fails.
    StockLevel("SKU-5", 0, 990),
)


def stock_room(settings: Settings) -> RedisStockRoom:
    """The stock alone: half the start-up time of the whole composition, which loads Celery."""
    return RedisStockRoom(connect(settings.store_dsn, "shop-cli"), timezone=settings.timezone)
