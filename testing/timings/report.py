"""The day's stock report: what the task does, from reading the stock to storing the report."""

import time
from collections.abc import Callable

from shop.bootstrap import bootstrap_worker
from shop.settings import Settings


class WrongReport(Exception):
    """The report does not hold what was put into the store."""


def timing(settings: Settings, skus: int) -> Callable[[], float]:
    """What makes the report of a store with so many SKUs, and returns its seconds."""
    services = bootstrap_worker(settings)

    def run() -> float:
        started_s = time.perf_counter()
        report = services.reporting.daily()
        took_s = time.perf_counter() - started_s
        if len(report.levels) != skus:
            raise WrongReport(f"{len(report.levels)} SKUs reported, {skus} are there")
        return took_s

    run()
    return run
