"""A sweep: what `check_pending_orders` does, from asking what is overdue to sending it again."""

import time
from collections.abc import Callable

from redis import Redis

from shop.bootstrap import bootstrap_worker
from shop.domain.work import Queue, TaskName
from shop.settings import Settings
from testing.timings import filling


class WrongSweep(Exception):
    """The sweep did not send again what was overdue, and nothing else."""


def timing(settings: Settings) -> Callable[[], float]:
    """What sweeps a filled store with its orders made overdue anew, and returns its seconds."""
    services = bootstrap_worker(settings)
    store = Redis.from_url(settings.store_dsn)
    broker = Redis.from_url(settings.broker_dsn)

    def run() -> float:
        filling.make_overdue(store)
        # An empty queue is an idle one: what was sent again by the run before must not count.
        broker.delete(Queue.DEFAULT)
        started_s = time.perf_counter()
        swept = services.sweep.run()
        took_s = time.perf_counter() - started_s
        sent = broker.llen(Queue.DEFAULT)
        if swept != {TaskName.PROCESS_ORDER: filling.OVERDUE} or sent != filling.OVERDUE:
            raise WrongSweep(f"{filling.OVERDUE} orders were overdue; swept {swept}, sent {sent}")
        return took_s

    run()
    return run
