"""The shop's state in Redis: live workers, waiting tasks, open and dead work, stock."""

from collections.abc import Iterator, Mapping

from redis import Redis

from shop.adapters.doctor.finding import Finding, State
from shop.adapters.doctor.messages import dead_messages
from shop.adapters.redis import keys
from shop.adapters.redis.presence import RedisPresence
from shop.domain.work import Consumers

#: Work that is overdue by more has been missed by many sweeps.
LONG_OVERDUE_MS = 60_000
#: Ids named in a finding.
NAMED_IDS = 3


def examined(
    store: Redis, broker: Redis | None, waiting_in: Mapping[str, int] | None = None
) -> Iterator[Finding]:
    """What waits, who works on it, and what was given up.

    `broker` is None if it is no Redis; then `waiting_in` says what it holds, as far as is known.
    """
    for queue, consumers in RedisPresence(store).consumers().items():
        if broker is not None:
            waiting: int | None = int(broker.llen(queue))
        else:
            waiting = (waiting_in or {}).get(queue)
        yield _examined_queue(queue, consumers, waiting)
    seconds, _ = store.time()
    long_overdue_ms = int(seconds) * 1000 - LONG_OVERDUE_MS
    for what, open_key, dead_key in (
        ("orders", keys.ORDERS_OPEN, keys.ORDERS_DEAD),
        ("notifications", keys.NOTIFICATIONS_OPEN, keys.NOTIFICATIONS_DEAD),
    ):
        overdue = store.zcount(open_key, "-inf", long_overdue_ms)
        yield Finding(
            f"{what}, open",
            State.WARN if overdue else State.OK,
            f"{store.zcard(open_key)}, {overdue} of them overdue for over a minute",
            "Look at the log of the default worker." if overdue else "",
        )
        dead = store.zcard(dead_key)
        ids = ", ".join(map(str, store.zrange(dead_key, 0, NAMED_IDS - 1)))
        advice = "`shop order show ID`, then `shop order retry ID`."
        if what != "orders":
            advice = "Look at notification:ID in Redis for the reason."
        yield Finding(
            f"{what}, given up",
            State.WARN if dead else State.OK,
            f"{dead}: {ids}{' ...' if dead > NAMED_IDS else ''}" if dead else "none",
            advice if dead else "",
        )
    yield dead_messages(store)
    has_stock = next(store.scan_iter(match=f"{keys.STOCK_PREFIX}*", count=1_000), None) is not None
    yield Finding(
        "stock",
        State.OK if has_stock else State.WARN,
        "there is some" if has_stock else "there is none: every order fails",
        "" if has_stock else "`shop seed`, or `shop stock set SKU QTY`.",
    )


def _examined_queue(queue: str, consumers: Consumers, waiting: int | None) -> Finding:
    alive = consumers.alive
    told = [f"{alive or 'no'} live worker{'s' if alive != 1 else ''}"]
    if waiting is not None:
        told.append(f"{waiting} tasks wait")
    told += [f"{task} limited to {rate}" for task, rate in consumers.rate_limits.items()]
    state, advice = State.OK, ""
    if consumers.rate_limits:
        state, advice = State.WARN, "`celery control rate_limit TASK 0` takes a limit back."
    if consumers.paused:
        told.append("paused" if consumers.is_paused else f"{consumers.paused} of them paused")
        state = State.FAIL if consumers.is_paused else State.WARN
        advice = f"`celery control add_consumer {queue}` ends the pause."
    if not alive:
        state, advice = State.FAIL, "Start one: `shop up` or `shop workers`."
    return Finding(f"queue {queue}", state, ", ".join(told), advice)
