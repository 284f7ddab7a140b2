"""The command line in this process, by itself or with an empty Redis of its own."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from shop import cli
from shop.settings import Settings
from testing.servers import ValkeyProcess
from tests.unit.cli.commands import STORE_DB, Outcome, Shop


@pytest.fixture
def run(
    make_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shop:
    """Runs the command line in an environment without settings, but those given."""

    def run(*arguments: str, **environment: str) -> Outcome:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["shop", *arguments])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def shop(run: Shop, valkey: ValkeyProcess) -> Shop:
    """The same, with an empty Redis."""

    def shop(*arguments: str, **environment: str) -> Outcome:
        return run(*arguments, **{"REDIS_PORT": str(valkey.port), **environment})

    return shop


@pytest.fixture
def store(valkey: ValkeyProcess) -> Any:
    with valkey.client(STORE_DB) as client:
        yield client
