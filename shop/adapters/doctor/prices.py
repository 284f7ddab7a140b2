"""Items that are sold without a price, and sellers whose name invoices cannot say."""

from collections.abc import Iterator

from redis import Redis

from shop.adapters.doctor.finding import Finding, State
from shop.adapters.doctor.work import NAMED_IDS
from shop.adapters.pdf.printable import unprintable
from shop.adapters.redis.stock import RedisStockRoom
from shop.domain.order import Priceless
from shop.settings import Settings


def examined(settings: Settings, store: Redis) -> Iterator[Finding]:
    """What invoices will lack."""
    levels = RedisStockRoom(store, timezone=settings.timezone).levels()
    skus = [level.sku for level in levels if level.price_minor is None or level.price_minor < 0]
    then = "no price set: their invoices name no amount"
    if settings.priceless is Priceless.REFUSE:
        then = "no price set: orders for them fail"
    named = ", ".join(skus[:NAMED_IDS]) + (" ..." if len(skus) > NAMED_IDS else "")
    yield Finding(
        "prices",
        State.WARN if skus else State.OK,
        f"{len(skus)} with {then}: {named}" if skus else "every item has one",
        "`shop stock set SKU QTY --price PRICE`." if skus else "",
    )
    problems = unprintable(settings)
    yield Finding(
        "seller on invoices",
        State.FAIL if problems else State.OK,
        "; ".join(problems) or "can be written",
        "Workers do not start with it: correct the setting." if problems else "",
    )
