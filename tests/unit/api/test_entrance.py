"""What every request passes first and every answer last."""

import logging

import httpx
import pytest

from shop.api.app import create_api
from shop.correlation import correlation_id
from shop.settings import Settings
from tests.unit.api.conftest import World
from tests.unit.api.test_orders import ORDER

EVERY_HEADER = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


async def test_every_answer_carries_the_headers_and_an_id(
    client: httpx.AsyncClient,
) -> None:
    answers = [
        await client.post("/order", json=ORDER),
        await client.get("/nowhere"),
        await client.delete("/order"),
        await client.post("/order", content=b"x" * 100_000),
        await client.head("/health/live"),
    ]

    assert [answer.status_code for answer in answers] == [202, 404, 405, 413, 200]
    for answer in answers:
        assert {**EVERY_HEADER, **answer.headers} == {**answer.headers, **EVERY_HEADER}
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


async def test_a_fault_is_answered_with_them_too(world: World) -> None:
    world.store.failure = RuntimeError("boom")
    app = create_api(Settings(api_key=None), services=world.services())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        answer = await client.post("/order", json=ORDER, headers={"X-Request-ID": "mine"})

    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize("offered", ["a", "5d1e0a3c-8f0e-4f52-9c57-0a4f7a6b9d21", "A.b_C-9" * 9])
async def test_an_id_that_came_with_the_request_is_kept(
    client: httpx.AsyncClient, offered: str
) -> None:
    answer = await client.get("/health/live", headers={"X-Request-ID": offered})

    assert answer.headers["x-request-id"] == offered


@pytest.mark.parametrize("offered", ["", "a b", "x" * 65, "ann@example.com", "\u00e9", '{"a":1}'])
async def test_what_is_fit_for_no_log_becomes_a_new_id(
    client: httpx.AsyncClient, offered: str
) -> None:
    answer = await client.get(
        "/health/live", headers=[(b"X-Request-ID", offered.encode("latin-1"))]
    )

    given = answer.headers["x-request-id"]
    assert given != offered
    assert given.isalnum()


async def test_a_request_is_one_line_without_its_query(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shop.access")

    await client.get("/order/1001?email=ann@example.com")

    (line,) = [record for record in caplog.records if record.name == "shop.access"]
    assert line.getMessage().startswith("GET /order/1001 404 in ")
    assert "ann" not in line.getMessage()


async def test_probes_are_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shop.access")

    await client.get("/health/live")
    await client.get("/health/ready")

    assert not [record for record in caplog.records if record.name == "shop.access"]


async def test_a_request_works_under_its_id(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    publish = world.publisher.publish

    async def noted(job: object) -> None:
        seen.append(correlation_id.get())
        await publish(job)

    monkeypatch.setattr(world.publisher, "publish", noted)

    await client.post("/order", json=ORDER, headers={"X-Request-ID": "from-outside"})

    assert set(seen) == {"from-outside"}
