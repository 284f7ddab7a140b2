"""The counts that the scripts keep, read in one round trip."""

import json
from collections import defaultdict
from collections.abc import Mapping

import redis.asyncio

from shop.adapters.redis import keys
from shop.adapters.redis.client import store_deadline
from shop.domain.stock import StockAudit
from shop.domain.tally import BUCKETS_MS, Histogram, Tally

#: Hashes of counts, in the order of `tally_of`.
COUNTS = (
    keys.METRICS_ORDERS,
    keys.METRICS_NOTIFICATIONS,
    keys.METRICS_DEAD,
    keys.METRICS_MAIL,
    keys.METRICS_SWEEPS,
    keys.METRICS_TASKS,
    keys.METRICS_PRICELESS,
)
_LABELS = (*map(str, BUCKETS_MS), "inf")

Fields = Mapping[str, str]


class RedisTallies:
    """The API's side: asynchronous, for `/metrics`."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client

    async def read(self) -> Tally:
        async with store_deadline(), self._client.pipeline(transaction=False) as pipe:
            for key in COUNTS:
                pipe.hgetall(key)
            pipe.get(keys.AUDIT_RESULT)
            *counts, audit = await pipe.execute()
        return tally_of(dict(zip(COUNTS, counts, strict=True)), audit)


def tally_of(counts: Mapping[str, Fields], audit: str | None) -> Tally:
    """Of hashes as they are stored, and the last audit's JSON."""
    sweeps = _by_kind(counts.get(keys.METRICS_SWEEPS, {}))
    tasks = _by_kind(counts.get(keys.METRICS_TASKS, {}))
    return Tally(
        orders=_numbers(counts.get(keys.METRICS_ORDERS, {})),
        notifications=_numbers(counts.get(keys.METRICS_NOTIFICATIONS, {})),
        priceless=_numbers(counts.get(keys.METRICS_PRICELESS, {})),
        dead=_numbers(counts.get(keys.METRICS_DEAD, {})),
        mail_replies=_numbers(counts.get(keys.METRICS_MAIL, {})),
        sweeps=_numbers(sweeps["runs"]),
        claimed=_numbers(sweeps["claimed"]),
        redelivered=_numbers(tasks["redelivered"]),
        waits=_histograms(tasks["wait"]),
        runs=_histograms(tasks["run"]),
        audit=None if audit is None else StockAudit(**json.loads(audit)),
    )


def _by_kind(fields: Fields) -> defaultdict[str, dict[str, str]]:
    """`kind:rest` -> kind -> rest."""
    kinds: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, text in fields.items():
        kind, _, rest = name.partition(":")
        kinds[kind][rest] = text
    return kinds


def _numbers(fields: Fields) -> dict[str, int]:
    return {name: int(text) for name, text in sorted(fields.items())}


def _histograms(fields: Fields) -> dict[str, Histogram]:
    """Of fields `task:bucket` and `task:sum`."""
    tasks: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, text in sorted(fields.items()):
        task, _, label = name.rpartition(":")
        tasks[task][label] = int(text)
    return {
        task: Histogram(tuple(found.get(label, 0) for label in _LABELS), found.get("sum", 0))
        for task, found in tasks.items()
    }
