"""The embedded server's configuration, as the server itself reads it."""

import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from shop.local import ready, services, valkey
from testing.servers import HOST, free_port
from testing.waiting import wait_for


@contextmanager
def started(folder: Path, password: str | None) -> Iterator[tuple[Redis, psutil.Process]]:
    """A client without a password, and the server's process."""
    port = free_port()
    config = valkey.write_config(folder, port=port, password=password)
    service = services.redis_service(valkey.binary(), config, port=port, password=password)
    process = subprocess.Popen(service.argv, stdout=subprocess.DEVNULL)
    client = Redis(host=HOST, port=port, decode_responses=True, retry=Retry(NoBackoff(), retries=0))
    try:
        wait_for("Valkey is ready", service.is_ready, within_s=10)
        yield client, psutil.Process(process.pid)
    finally:
        client.close()
        process.terminate()
        process.wait(10)


def test_it_keeps_what_it_acknowledged_and_evicts_nothing(tmp_path: Path) -> None:
    with started(tmp_path, None) as (client, _):
        wanted = ("appendonly", "appendfsync", "save", "maxmemory-policy", "bind", "dir")
        assert client.config_get(*wanted) == {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "bind": HOST,
            "dir": str(tmp_path),
        }
        client.set("kept", "yes")
    with started(tmp_path, None) as (client, _):
        assert client.get("kept") == "yes"


@pytest.mark.parametrize("password", ["plain", "sp ace \"quote' #hash \\back $ é\t"])
def test_a_password_is_asked_for_and_stands_on_no_command_line(
    tmp_path: Path, password: str
) -> None:
    folder = tmp_path / 'a folder with "quotes"'
    folder.mkdir()
    with started(folder, password) as (client, process):
        with pytest.raises(AuthenticationError):
            client.ping()
        port = client.connection_pool.connection_kwargs["port"]
        assert not ready.redis_answers(HOST, port, "another password")()
        assert password not in " ".join(process.cmdline())
        assert stat.S_IMODE((folder / valkey.CONFIG_NAME).stat().st_mode) == 0o600


def test_an_earlier_configuration_that_all_may_read_is_replaced(tmp_path: Path) -> None:
    earlier = tmp_path / valkey.CONFIG_NAME
    earlier.write_text("port 1\n")
    earlier.chmod(0o644)
    path = valkey.write_config(tmp_path, port=2, password="secret-enough")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "port 1\n" not in path.read_text()
