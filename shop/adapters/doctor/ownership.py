"""Whose the broker's database is."""

from collections.abc import Iterator

from redis import Redis

from shop.adapters.doctor.finding import Finding, State
from shop.adapters.redis.ownership import ADVICE, Ownership, answered
from shop.settings import Settings


def examined(settings: Settings, store: Redis, broker: Redis) -> Iterator[Finding]:
    """Looks, and claims nothing."""
    ownership = Ownership.of(settings.store_dsn, settings.broker_dsn)
    problem = answered(ownership.look(), store, broker)
    yield Finding(
        "broker's owner",
        State.FAIL if problem else State.OK,
        problem or f"{ownership.broker} is no other shop's",
        ADVICE if problem else "",
    )
