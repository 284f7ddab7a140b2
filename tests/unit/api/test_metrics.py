"""`GET /metrics`."""

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.api.conftest import World, client_of
from tests.unit.api.test_orders import ORDER


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
    for path in ("/order/1001", "/order/1002", "/order/1003", "/nowhere", "/admin.php"):
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
