"""Depths in the text of /metrics."""

from loadtest.history import Depth
from loadtest.users.gauges import is_empty, parse_depth

METRICS = """\
# HELP shop_queue_depth Messages that wait in a queue.
# TYPE shop_queue_depth gauge
shop_queue_depth{queue="default"} 323.0
shop_queue_depth{queue="priority"} 2.0
# TYPE shop_open_orders gauge
shop_open_orders 1.2e+03
shop_open_notifications 7.0
"""


def test_depths_are_read() -> None:
    assert parse_depth(METRICS, 5.0) == Depth(5.0, 323, 2, 1_200, 7)


def test_a_shop_that_does_not_tell_has_no_depth() -> None:
    assert parse_depth("python_info 1.0\n", 5.0) is None
    assert parse_depth(METRICS.replace("shop_open_orders 1", "other 1"), 5.0) is None


def test_an_unknown_depth_is_none() -> None:
    assert parse_depth(METRICS.replace("323.0", "NaN"), 5.0) is None


def test_empty_is_nothing_waiting_and_nothing_owed() -> None:
    assert is_empty(Depth(5.0, 0, 0, 0, 0))
    for owed in ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)):
        assert not is_empty(Depth(5.0, *owed))
