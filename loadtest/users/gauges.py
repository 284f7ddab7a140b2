"""The queues' depths, read from the shop's metrics."""

import re

from loadtest.history import Depth

_GAUGE = re.compile(
    r'^(shop_queue_depth\{queue="(\w+)"\}|shop_open_orders|shop_open_notifications) (\S+)$',
    re.MULTILINE,
)
_NAMES = ("default", "priority", "shop_open_orders", "shop_open_notifications")


def parse_depth(metrics: str, at_ms: float) -> Depth | None:
    """From Prometheus' text format; None where the shop does not tell."""
    found = {
        match[2] or match[1]: int(value)
        for match in _GAUGE.finditer(metrics)
        if (value := float(match[3])) >= 0
    }
    if any(name not in found for name in _NAMES):
        return None
    return Depth(at_ms, *(found[name] for name in _NAMES))


def is_empty(depth: Depth) -> bool:
    """Nothing waits, and nothing is owed."""
    return not (depth.default or depth.priority or depth.open_orders or depth.open_notifications)
