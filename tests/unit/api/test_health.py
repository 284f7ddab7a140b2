"""Probes."""

import httpx
import pytest

from shop.api.schemas import Alive, Ready
from tests.unit.api.conftest import World, problem


async def test_live_asks_nobody(client: httpx.AsyncClient, world: World) -> None:
    world.break_store()
    response = await client.get("/health/live")

    Alive.model_validate(response.json())
    assert response.status_code == 200
    assert world.is_untouched()


async def test_ready_when_nothing_is_missing(client: httpx.AsyncClient) -> None:
    response = await client.get("/health/ready")

    Ready.model_validate(response.json())
    assert response.status_code == 200


async def test_ready_names_rate_limits(client: httpx.AsyncClient, world: World) -> None:
    world.readiness.limits = {"process_order": "1/m"}
    response = await client.get("/health/ready")

    Ready.model_validate(response.json())
    assert response.json() == {"status": "ready", "rate_limits": {"process_order": "1/m"}}


@pytest.mark.parametrize(
    "absent",
    [
        ["redis"],
        ["worker:priority"],
        ["worker:default", "worker:priority"],
        ["worker:default is paused"],
    ],
)
async def test_not_ready_names_what_is_missing(
    client: httpx.AsyncClient, world: World, absent: list[str]
) -> None:
    world.readiness.absent = absent
    response = await client.get("/health/ready")

    assert problem(response, 503, "not-ready")["missing"] == absent
    assert int(response.headers["retry-after"]) >= 1


async def test_a_store_that_is_away_is_a_missing_redis(
    client: httpx.AsyncClient, world: World
) -> None:
    world.break_store()
    assert problem(await client.get("/health/ready"), 503, "not-ready")["missing"] == ["redis"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/docs"])
async def test_head_works_wherever_get_does(client: httpx.AsyncClient, path: str) -> None:
    head, get = await client.head(path), await client.get(path)

    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_head_is_refused_where_there_is_no_get(client: httpx.AsyncClient) -> None:
    response = await client.head("/order")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
