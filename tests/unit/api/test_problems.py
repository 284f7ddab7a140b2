"""Errors that belong to no route in particular, and what the types lead to."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import HTTPException

from shop.api import deps
from shop.api.app import create_api
from shop.api.problems import PROBLEM_TYPES
from shop.api.schemas import ProblemTypeView
from shop.settings import Settings
from tests.unit.api.conftest import World, client_of, problem
from tests.unit.api.test_orders import ORDER


@pytest.mark.parametrize(
    "path", ["/nowhere", "/order/", "/order/1/2", "/order/a%2Fb", "/docs/assets/no"]
)
async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    problem(await client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/order", "POST"),
        ("PUT", "/order", "POST"),
        ("DELETE", "/order/1001", "GET, HEAD"),
        ("POST", "/health/live", "GET, HEAD"),
        ("POST", "/docs", "GET, HEAD"),
        ("PATCH", "/invoice/1001", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_there_names_those_that_are(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await client.request(method, path)

    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == allow


async def test_a_fault_is_logged_and_not_shown(world: World) -> None:
    world.store.failure = RuntimeError("the password is hunter2")
    async with client_of(world, raise_errors=False) as client:
        response = await client.get("/order/1001")
    problem(response, 500, "internal-error")
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text

    # It is raised on, and so logged by the server with its trace.
    async with client_of(world) as client:
        with pytest.raises(RuntimeError, match="hunter2"):
            await client.get("/order/1001")


async def test_an_outage_is_logged_with_its_cause(
    client: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.break_store()
    with caplog.at_level(logging.WARNING, logger="shop.api.errors"):
        await client.post("/order", json=ORDER)
    assert "POST /order: ConnectionError: 10.1.2.3:6379 refused" in caplog.text


async def test_other_statuses_and_checks_of_the_framework_are_problems_too(world: World) -> None:
    app = create_api(Settings(api_key=None), services=world.services())

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", {"X-Pot": "tea"})

    @app.get("/page")
    async def page(number: int) -> None: ...

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        stout = await client.get("/teapot")
        unnumbered = await client.get("/page?number=one")

    assert stout.headers["content-type"] == "application/problem+json"
    assert stout.headers["x-pot"] == "tea"
    assert stout.json() == {
        "type": "about:blank",
        "title": "I'm a Teapot",
        "status": 418,
        "detail": "short and stout",
    }
    assert "number: " in str(problem(unnumbered, 422, "invalid-request")["detail"])


@pytest.mark.parametrize("slug", PROBLEM_TYPES)
async def test_every_type_leads_to_its_explanation(client: httpx.AsyncClient, slug: str) -> None:
    response = await client.get(PROBLEM_TYPES[slug].uri)

    assert response.status_code == 200
    shown = ProblemTypeView.model_validate(response.json())
    assert (shown.type, shown.status) == (f"/problems/{slug}", PROBLEM_TYPES[slug].status)


async def test_an_unknown_type_is_not_found(client: httpx.AsyncClient) -> None:
    problem(await client.get("/problems/none"), 404, "not-found")


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/order/1001", "store-unavailable"),
        ("/invoice/1001", "store-unavailable"),
        ("/status/some-task", "store-unavailable"),
        ("/health/ready", "not-ready"),
    ],
)
async def test_a_store_that_hangs_is_not_waited_for(
    client: httpx.AsyncClient,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    slug: str,
) -> None:
    monkeypatch.setattr(deps, "ANSWER_WITHIN_S", 0.05)
    ended: list[str] = []

    @asynccontextmanager
    async def never() -> AsyncIterator[None]:
        try:
            await asyncio.Event().wait()
            yield
        finally:
            ended.append("cancelled")

    world.store.delay = never
    begun_s = time.monotonic()
    response = await client.get(path)

    problem(response, 503, slug)
    assert time.monotonic() - begun_s < 2.0
    assert ended == ["cancelled"]


async def test_a_client_that_hangs_up_is_no_fault(world: World) -> None:
    app = create_api(Settings(api_key=None), services=world.services())
    sent = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"10")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/order",
        "raw_path": b"/order",
        "query_string": b"",
        "headers": headers,
    }
    # It would raise, if it were one.
    await app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 400
    assert world.is_untouched()
