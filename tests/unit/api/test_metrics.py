"""`GET /metrics`."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from shop.api import deps
from shop.domain.stock import StockAudit
from shop.domain.tally import BUCKETS_MS, Histogram, Tally
from shop.domain.work import Waiting
from tests.unit.api.conftest import World, client_of
from tests.unit.api.test_orders import ORDER


async def gauges(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """(name, *labels) -> value, of what is read when it is asked for."""
    response = await client.get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if family.type == "gauge"
        and sample.name.startswith("shop_")
        and not sample.name.endswith(("_info", "_created"))
    }


async def samples(client: httpx.AsyncClient, name: str) -> dict[tuple[str, ...], float]:
    """(route, method, status) -> value."""
    text = (await client.get("/metrics")).text
    return {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


async def test_requests_are_counted_by_route_method_and_status(client: httpx.AsyncClient) -> None:
    await client.post("/order", json=ORDER)
    await client.post("/order", json=ORDER)
    for path in (
        "/order/1001",
        "/order/1002",
        "/order/1003",
        "/nowhere",
        "/admin.php",
        "/status/x",
    ):
        await client.get(path)
    await client.head("/health/live")
    await client.delete("/order/1001")
    await client.request("BREW", "/coffee")
    await client.post("/order", content=b"x" * 100_000)

    expected = {
        ("/order", "POST", "202"): 1,
        ("/order", "POST", "200"): 1,
        ("/order/{order_id}", "GET", "200"): 1,
        ("/order/{order_id}", "GET", "404"): 2,
        ("/status/{task_id}", "GET", "404"): 1,
        ("/health/live", "HEAD", "200"): 1,
        ("/order/{order_id}", "DELETE", "405"): 1,
        ("other", "GET", "404"): 2,
        ("other", "other", "404"): 1,
        ("other", "POST", "413"): 1,
    }
    assert await samples(client, "shop_http_requests_total") == expected
    timed = await samples(client, "shop_http_request_duration_seconds_count")
    assert timed == {**expected, ("/metrics", "GET", "200"): 1}


async def test_a_fault_counts_as_500(world: World) -> None:
    world.store.failure = RuntimeError("boom")
    async with client_of(world, raise_errors=False) as client:
        await client.get("/order/1001")
        world.store.failure = None
        counted = await samples(client, "shop_http_requests_total")
    assert counted == {("/order/{order_id}", "GET", "500"): 1}


async def test_the_process_and_the_version_are_shown(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics")).text
    names = {family.name for family in text_string_to_metric_families(text)}

    assert {"shop_info", "python_info"} <= names


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
async def test_the_format_is_the_one_asked_for(
    client: httpx.AsyncClient, accept: str, content_type: str
) -> None:
    response = await client.get("/metrics", headers={"Accept": accept})
    assert response.headers["content-type"].startswith(content_type)
    assert len(response.headers.get_list("content-type")) == 1


async def test_each_app_counts_for_itself(client: httpx.AsyncClient, world: World) -> None:
    await client.get("/health/live")
    async with client_of(world) as other:
        assert await samples(other, "shop_http_requests_total") == {}
    assert not [family for family in REGISTRY.collect() if family.name.startswith("shop")]


async def test_how_much_work_waits_is_read_when_it_is_asked_for(
    client: httpx.AsyncClient, world: World
) -> None:
    expected = {
        ("shop_store_up",): 1,
        ("shop_open_orders",): 7,
        ("shop_open_notifications",): 2,
        ("shop_dead_orders",): 1,
        ("shop_dead_messages",): 3,
        ("shop_queue_depth", "default"): 5,
        ("shop_queue_depth", "priority"): 0,
        ("shop_queue_oldest_message_age_seconds", "default"): 2.5,
        ("shop_queue_oldest_message_age_seconds", "priority"): 0,
    }
    assert await gauges(client) == expected

    world.queues.waiting["default"] = Waiting(8, None)
    del expected["shop_queue_oldest_message_age_seconds", "default"]
    assert await gauges(client) == expected | {("shop_queue_depth", "default"): 8}


async def test_without_the_store_the_process_still_shows_its_own(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.get("/health/live")
    world.break_store()

    assert await gauges(client) == {("shop_store_up",): 0}
    assert await samples(client, "shop_http_requests_total") != {}


async def test_a_store_that_hangs_is_not_waited_for(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deps, "ANSWER_WITHIN_S", 0.05)

    @asynccontextmanager
    async def never() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    world.store.delay = never
    begun_s = time.monotonic()

    assert await gauges(client) == {("shop_store_up",): 0}
    assert time.monotonic() - begun_s < 2.0


@pytest.mark.parametrize("away", [True, False])
async def test_a_broker_that_is_away_or_cannot_tell_leaves_its_gauge_out(
    client: httpx.AsyncClient, world: World, away: bool
) -> None:
    world.queues.broken = away
    world.queues.waiting = {}

    shown = {name for name, *_ in await gauges(client)}

    assert shown == {
        "shop_store_up", "shop_open_orders", "shop_open_notifications", "shop_dead_orders",
        "shop_dead_messages",
    }  # fmt: skip


async def test_open_metrics_ends_once_with_the_gauges_before_its_end(
    client: httpx.AsyncClient,
) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    text = (await client.get("/metrics", headers=accept)).text

    assert text.count("# EOF") == 1
    assert text.endswith("# EOF\n")
    assert "shop_store_up 1.0" in text


async def labelled(client: httpx.AsyncClient, name: str) -> dict[str, float]:
    """The labels' values, `le` last -> the sample's."""
    text = (await client.get("/metrics")).text
    return {
        "/".join(value for _, value in sorted(sample.labels.items(), reverse=True)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


async def test_what_never_happened_is_0_and_not_absent(client: httpx.AsyncClient) -> None:
    assert await labelled(client, "shop_orders_placed_total") == {"": 0}
    assert await labelled(client, "shop_orders_total") == {
        "processed": 0, "unknown_item": 0, "out_of_stock": 0, "no_price": 0,
        "attempts_exhausted": 0, "revoked": 0,
    }  # fmt: skip
    assert set(await labelled(client, "shop_dead_letters_total")) == {
        "order", "invoice", "notification", "message",
    }  # fmt: skip
    # Before the first audit nobody knows.
    assert await labelled(client, "shop_stock_units") == {}


async def test_what_the_shop_has_done_is_what_the_store_has_counted(
    client: httpx.AsyncClient, world: World
) -> None:
    world.tallies.tally = Tally(
        orders={"placed": 9, "processed": 5, "out_of_stock": 2, "revived": 1, "invoiced": 4},
        notifications={"delivered": 7, "postponed": 3},
        dead={"invoice": 1},
        priceless={"SKU-9": 8},
        sweeps={"orders": 60},
        claimed={"orders": 2},
        redelivered={"process_order": 6},
        audit=StockAudit(at_ms=1_500, items=2, initial=10, restocked=-1, sold=5, left=3, missing=1),
    )

    shown = {
        name: await labelled(client, f"shop_{name}")
        for name in (
            "orders_placed_total", "orders_revived_total", "invoices_total", "orders_total",
            "notifications_total", "sweeps_total", "sweep_repairs_total",
            "task_redeliveries_total", "orders_without_price_total",
            "stock_units", "stock_drift_units",
            "stock_audit_timestamp_seconds",
        )
    }  # fmt: skip

    assert shown["orders_placed_total"] == {"": 9}
    assert shown["orders_revived_total"] == {"": 1}
    assert shown["invoices_total"] == {"": 4}
    assert (shown["orders_total"]["processed"], shown["orders_total"]["out_of_stock"]) == (5, 2)
    assert shown["notifications_total"] == {
        "delivered": 7,
        "failed": 0,
        "postponed": 3,
        "deferred": 0,
    }
    assert shown["orders_without_price_total"] == {"SKU-9": 8}
    assert shown["sweeps_total"] == {"orders": 60, "notifications": 0}
    assert shown["sweep_repairs_total"] == {"orders": 2, "notifications": 0}
    assert shown["task_redeliveries_total"] == {"process_order": 6}
    assert shown["stock_units"] == {"initial": 10, "restocked": -1, "sold": 5, "left": 3}
    assert shown["stock_drift_units"] == {"surplus": 0, "missing": 1}
    assert shown["stock_audit_timestamp_seconds"] == {"": 1.5}


async def test_a_tasks_times_are_cumulated_when_they_are_read(
    client: httpx.AsyncClient, world: World
) -> None:
    counts = [0] * (len(BUCKETS_MS) + 1)
    counts[0], counts[2], counts[-1] = 4, 2, 1
    world.tallies.tally = Tally(waits={"process_order": Histogram(tuple(counts), 700_010)})

    buckets = await labelled(client, "shop_task_wait_seconds_bucket")

    assert [buckets[f"process_order/{bound}"] for bound in ("0.001", "0.002", "0.005", "0.01")] == [
        4, 4, 6, 6,
    ]  # fmt: skip
    assert (buckets["process_order/600.0"], buckets["process_order/+Inf"]) == (6, 7)
    assert await labelled(client, "shop_task_wait_seconds_count") == {"process_order": 7}
    assert await labelled(client, "shop_task_wait_seconds_sum") == {"process_order": 700.01}
