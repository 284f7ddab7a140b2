"""`shop api`: the API by uvicorn, with the shop's own HTTP."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from testing.servers import HOST, ValkeyProcess, free_port
from testing.waiting import wait_for


@pytest.fixture
def api(valkey: ValkeyProcess) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    port = free_port()
    environment = {**os.environ, "REDIS_PORT": str(valkey.port), "ORDER_RATE_LIMIT": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "shop.cli", "api", "--port", str(port), "--grace-s", "1"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{HOST}:{port}", process
    finally:
        process.kill()
        process.wait()


def is_live(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def test_it_answers_turns_away_what_is_too_much_and_ends_when_it_is_told_to(
    api: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    base_url, process = api
    wait_for("the API answers", lambda: is_live(base_url), within_s=30)

    with httpx.Client(base_url=base_url) as client:
        # A body that is no order: whoever lets it in says 422, and a door does not look at it.
        answers = [client.post("/order", content=b"no order") for _ in range(9)]

    assert answers[0].status_code == 422
    assert answers[-1].status_code == 503
    assert "server" not in answers[0].headers
    assert "server" not in answers[-1].headers
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) in (0, -signal.SIGTERM)


def test_its_protocol_is_the_shops(monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn
    from uvicorn.importer import import_from_string

    from shop.api import serving
    from shop.api.protocol import ShopProtocol

    given: dict[str, object] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: given.update(options, app=app))

    serving.api(host="::1", port=8123, workers=3, grace_s=7, reload=False)

    assert import_from_string(str(given["http"])) is ShopProtocol
    assert given["app"] == "shop.asgi:app"
    assert (given["host"], given["port"], given["workers"]) == ("::1", 8123, 3)
    assert given["timeout_graceful_shutdown"] == 7
    assert given["server_header"] is False
