"""More orders a second than a process is told to take."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shop.api import admission
from shop.api.app import create_api
from shop.settings import Settings
from tests.unit.api.conftest import World, problem
from tests.unit.api.test_admission import Clock
from tests.unit.api.test_shedding import PROBE, Prefixed, order


async def paced(
    world: World, per_s: int, monkeypatch: pytest.MonkeyPatch, *, root_path: str = ""
) -> tuple[Any, Clock]:
    """A client of an API that takes so many orders a second, and its clock."""
    clock = Clock()
    monkeypatch.setattr(admission, "time", clock)
    monkeypatch.setattr(admission, "MIN_REFUSAL_S", 0.0)
    monkeypatch.setattr(admission, "MAX_REFUSAL_S", 0.0)
    settings = Settings(api_key=None, order_concurrency_limit=0, order_rate_limit=per_s)
    app = create_api(settings, services=world.services())
    transport = httpx.ASGITransport(Prefixed(app, root_path))
    return httpx.AsyncClient(transport=transport, base_url="http://shop.test"), clock


async def test_orders_beyond_the_rate_are_turned_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, clock = await paced(world, 10, monkeypatch)
    statuses = []
    async with client:
        # Twice the rate, for ten seconds.
        for number in range(200):
            statuses.append((await client.post("/order", json=order(number))).status_code)
            clock.now_s += 0.05

        burst = 10 * admission.BURST_S
        assert statuses.count(202) == pytest.approx(100 + burst, abs=2)
        assert set(statuses) == {202, 503}
        assert len(world.store.orders) == statuses.count(202)
        refused = await client.post("/order", json=order(999))
        problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await client.post("/test_notification", json=PROBE)).status_code == 202


async def test_bodies_that_come_all_at_once_are_not_let_in_by_their_heads(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = await paced(world, 10, monkeypatch)
    sent = asyncio.Event()

    async def body(number: int) -> AsyncIterator[bytes]:
        await sent.wait()
        yield json.dumps(order(number)).encode()

    json_body = {"Content-Type": "application/json"}
    async with client:
        posts = [
            asyncio.create_task(client.post("/order", content=body(number), headers=json_body))
            for number in range(50)
        ]
        for _ in range(100):
            await asyncio.sleep(0)
        sent.set()
        statuses = [(await post).status_code for post in posts]

    assert set(statuses) == {202, 503}
    assert statuses.count(202) - 10 * admission.BURST_S in (0, 1)


async def test_time_without_orders_is_not_saved_up_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, clock = await paced(world, 10, monkeypatch)
    async with client:
        clock.now_s += 3_600
        statuses = [
            (await client.post("/order", json=order(number))).status_code for number in range(50)
        ]

    # Sums of tenths may fall on either side of the last one.
    assert statuses.count(202) - 10 * admission.BURST_S in (0, 1)


async def test_a_root_path_does_not_switch_it_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = await paced(world, 5, monkeypatch, root_path="/shop")
    async with client:
        statuses = [
            (await client.post("/order", json=order(number))).status_code for number in range(40)
        ]

    assert statuses.count(202) - 5 * admission.BURST_S in (0.5, 1)
