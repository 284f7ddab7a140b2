"""What the API counts of itself, for Prometheus.

Each process counts its own requests: with several of them behind one port, every scrape sees
one of them.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)

#: Upper bounds in seconds; the API's own limit for an answer is 2 s.
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)

#: For paths without a template, unknown ones and the files of `/docs`: the path itself would
#: be a series for every guess.
OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LABELS = ("route", "method", "status")


class ApiMetrics:
    """The metrics of one app, in a registry of its own."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        Info("shop", "The shop's version.", registry=self.registry).info({"version": version})
        self._requests = Counter(
            "shop_http_requests", "HTTP requests answered.", _LABELS, registry=self.registry
        )
        self._duration_s = Histogram(
            "shop_http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            _LABELS,
            buckets=_BUCKETS_S,
            registry=self.registry,
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
