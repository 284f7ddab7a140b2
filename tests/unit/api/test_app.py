"""How the API is put together."""

import asyncio
import socket
from dataclasses import replace

import httpx
import pytest
from opentelemetry import _logs, metrics, trace

from shop.api import app as app_module
from shop.api.app import create_api
from shop.bootstrap import ApiServices
from shop.settings import Settings
from tests.unit.api.conftest import World


async def test_it_opens_its_own_services_when_it_starts_and_closes_them_at_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    async def close() -> None:
        happened.append("closed")

    def bootstrap(settings: Settings) -> ApiServices:
        happened.append("opened")
        return replace(world.services(), close=close)

    monkeypatch.setattr(app_module, "bootstrap_api", bootstrap)
    app = create_api(Settings())
    assert happened == []
    async with app.router.lifespan_context(app):
        assert happened == ["opened"]
    assert happened == ["opened", "closed"]


async def test_services_that_were_given_are_left_open(world: World) -> None:
    app = create_api(Settings(), services=world.services())
    # Their `close` would fail the test.
    async with app.router.lifespan_context(app):
        assert app.state.services is not None


async def test_starting_connects_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", refuse)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", refuse)
    app = create_api(Settings())
    async with app.router.lifespan_context(app):
        assert isinstance(app.state.services, ApiServices)


async def test_no_request_pays_for_looking_for_telemetry(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for = []
    for module, name in (
        (trace, "get_tracer_provider"),
        (metrics, "get_meter_provider"),
        (_logs, "get_logger_provider"),
    ):
        monkeypatch.setattr(module, name, lambda name=name: looked_for.append(name))

    await client.get("/health/live")

    assert looked_for == []
