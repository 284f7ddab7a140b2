"""Fixtures that several rooms of the tests need."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop.correlation import correlation_id
from shop.settings import Settings
from testing.environment import drop_foreign
from testing.servers import ValkeyProcess, running_valkey

pytest_plugins = ["testing.pytest_plugin"]

# Before any test, and in every process that a test starts.
drop_foreign(os.environ)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # In a shell's background nobody hears of Ctrl-C, and neither does what is started there.
    signal.signal(signal.SIGINT, signal.default_int_handler)

MakeSettings = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _no_worker_was_here() -> Iterator[None]:
    """A worker in this process leaves Celery in the belief that nobody may wait for a result.

    A task that was run here leaves its correlation id.
    """
    yield
    correlation_id.set("")
    if (celery_state := sys.modules.get("celery._state")) is not None:
        celery_state._set_task_join_will_block(False)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyProcess]:
    """One real server for the whole run; tests take `valkey`, which is empty."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def valkey(valkey_server: ValkeyProcess) -> ValkeyProcess:
    """A real and empty server, as it was configured at its start."""
    with valkey_server.client() as client:
        client.flushall()
    return valkey_server


@pytest.fixture
def make_settings(monkeypatch: pytest.MonkeyPatch) -> MakeSettings:
    """Settings of what the test names; the environment of whoever runs the tests is kept out."""
    names = {name.upper() for name in Settings.model_fields}
    for name in [name for name in os.environ if name.upper() in names]:
        monkeypatch.delenv(name)

    def make(**given: Any) -> Settings:
        return Settings(**given)

    return make


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects to anything fails the test."""

    def refuse(_: socket.socket, address: object) -> None:
        pytest.fail(f"connects to {address!r}, in a test that needs no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
