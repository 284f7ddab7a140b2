"""What the API counts of itself, for Prometheus.

Each process counts its own requests. Several of them behind one port count into files of one
folder, and whichever is asked shows the sum: prometheus_client does that where
`PROMETHEUS_MULTIPROC_DIR` is set when it is imported.
"""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    Metric,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

#: Upper bounds in seconds; the API's own limit for an answer is 2 s.
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)

#: For paths without a template, unknown ones and the files of `/docs`: the path itself would
#: be a series for every guess.
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LABELS = ("route", "method", "status")


class ApiMetrics(Collector):
    """The metrics of one app, in registries of its own.

    `shared_dir`: where all processes count; then nothing is shown of the one that is asked.
    """

    def __init__(self, version: str, *, shared_dir: Path | None = None) -> None:
        #: What is true of every process, or of this one.
        self._own = CollectorRegistry()
        counted = CollectorRegistry()
        self._counted: Collector = counted
        if shared_dir is None:
            ProcessCollector(registry=self._own)
        else:
            shared_dir.mkdir(parents=True, exist_ok=True)
            self._counted = MultiProcessCollector(  # type: ignore[no-untyped-call]
                CollectorRegistry(), path=str(shared_dir)
            )
        PlatformCollector(registry=self._own)
        Info("shop", "The shop's version.", registry=self._own).info({"version": version})
        self._requests = Counter(
            "shop_http_requests", "HTTP requests answered.", _LABELS, registry=counted
        )
        self._duration_s = Histogram(
            "shop_http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            _LABELS,
            buckets=_BUCKETS_S,
            registry=counted,
        )
        # Looking a series up by its labels takes longer than counting.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, method: str, status: int, duration_s: float) -> None:
        key = (route, method, status)
        series = self._series.get(key)
        if series is None:
            labels = (route, method, str(status))
            series = self._requests.labels(*labels), self._duration_s.labels(*labels)
            self._series[key] = series
        series[0].inc()
        series[1].observe(duration_s)

    def collect(self) -> Iterator[Metric]:
        yield from self._own.collect()
        yield from self._counted.collect()
