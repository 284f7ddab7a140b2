"""A service is started as it would be, with a patch applied before."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shop.local import services
from testing.sabotage import launch, patches
from testing.sabotage.launch import CannotBePatched, launched
from testing.stack import API, BEAT, REDIS, WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.local import LocalStack

#: Says how it was started, and what the shop's script looks like by then.
PROGRAM = """
import json, sys
from shop.adapters.redis import orders
print(json.dumps([__name__, sys.argv, "if status then" in orders.source("settle_order")]))
"""


def test_a_service_is_started_through_it() -> None:
    service = services.api_service("127.0.0.1", 8000, env={"A": "b"})

    through = launched(service, "some-patch")

    assert through.argv == (
        *(sys.executable, "-m", "testing.sabotage.launch", "some-patch", "--"),
        *service.argv[2:],
    )
    assert (through.name, through.env) == (service.name, service.env)
    assert through.stop_within_s == service.stop_within_s


def test_what_is_no_python_module_cannot_be_patched(tmp_path: Path) -> None:
    server = services.redis_service(tmp_path, tmp_path, port=1, password=None)

    with pytest.raises(CannotBePatched, match=REDIS):
        launched(server, "some-patch")


def test_the_module_runs_as_main_with_the_shop_patched(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "testing.sabotage.launch", patches.NO_IDEMPOTENCY]

    ran = subprocess.run(
        [*command, "--", "program", "--port", "7"],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{Path(launch.__file__).parents[2]}:{tmp_path}"},
    )

    name, argv, is_patched = json.loads(ran.stdout)
    assert name == "__main__"
    assert argv == [str(tmp_path / "program.py"), "--port", "7"]
    assert is_patched


def test_a_patch_that_does_not_fit_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def unfit() -> Iterator[None]:
        raise patches.PatchDoesNotFit("some_script", "some text")
        yield

    monkeypatch.setattr(patches, "PATCHES", {"unfit": unfit})
    monkeypatch.setattr(launch.runpy, "run_module", lambda *_, **__: pytest.fail("was run"))

    with pytest.raises(patches.PatchDoesNotFit):
        launch.main(["unfit", "--", "program"])


def test_it_says_how_to_be_called() -> None:
    with pytest.raises(SystemExit, match="usage: PATCH -- MODULE"):
        launch.main([patches.NO_IDEMPOTENCY, "program", "--port"])


def test_a_stack_alters_every_service_that_it_starts(tmp_path: Path) -> None:
    seen = []
    stack = LocalStack(alter=lambda service: seen.append(service.name) or service)
    stack._definitions(tmp_path, tmp_path)

    assert {REDIS, API, BEAT, WORKER_DEFAULT, WORKER_PRIORITY} <= set(seen)
