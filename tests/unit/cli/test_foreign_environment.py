"""Variables of Celery and others in the environment of whoever starts the shop."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from celery.app import utils as celery_settings

from shop import foreign_environment
from shop.settings import Settings
from tests.conftest import MakeSettings
from tests.unit.cli.commands import Shop
from tests.unit.local.supervised import Small, supervised

ROOT = Path(__file__).parents[3]
SECRET = "redis://:hunter2@127.0.0.1:1/0"
COMMANDS = {
    "api": ("-m", "uvicorn", "shop.asgi:app", "--port", "1"),
    "worker": ("-m", "celery", "--quiet", "-A", "shop.worker", "worker", "-Q", "default"),
    "beat": ("-m", "celery", "--quiet", "-A", "shop.worker", "beat"),
    "flower": ("-m", "celery", "--quiet", "-A", "shop.worker", "flower"),
    "workers": ("-c", "from shop.cli import main; main()", "workers"),
    "up": ("-c", "from shop.cli import main; main()", "up"),
    "seed": ("-c", "from shop.cli import main; main()", "seed"),
}


def ended(command: tuple[str, ...], folder: Path, **environment: str) -> tuple[int, list[str]]:
    """The exit code and what was said."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.fixture(autouse=True)
def no_settings(make_settings: MakeSettings) -> None:
    """The environment of whoever runs the tests is kept out."""


@pytest.mark.parametrize("process", COMMANDS)
def test_celerys_own_broker_is_refused_by_every_process_in_a_line(
    process: str, tmp_path: Path
) -> None:
    code, (line,) = ended(COMMANDS[process], tmp_path, CELERY_BROKER_URL=SECRET)
    assert code == 2
    assert line.startswith("shop: CELERY_BROKER_URL ")
    assert "CELERY_BROKER_DSN" in line
    assert "hunter2" not in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "own"), foreign_environment.REFUSED.items())
def test_each_is_refused_by_name_with_the_shops_own(run: Shop, name: str, own: str) -> None:
    refused = run("stock", "list", **{name: SECRET})
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1)
    assert refused.err.startswith(f"shop: {name} is Celery's")
    assert own in refused.err
    assert "hunter2" not in refused.err


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("LOADER", "CELERY_LOADER"),
        ("CONFIG_MODULE", "CELERY_CONFIG_MODULE"),
    ],
)
def test_what_the_celery_command_makes_of_other_names_is_refused_too(
    name: str, written: str, tmp_path: Path
) -> None:
    code, (line,) = ended(COMMANDS["worker"], tmp_path, **{name: "no.such.module"})
    assert code == 2
    assert line.startswith(f"shop: {written} ")


def test_several_are_a_line_each(run: Shop) -> None:
    refused = run("seed", CELERY_BROKER_URL=SECRET, CELERY_RESULT_BACKEND=SECRET)
    assert refused.code == 2
    assert len(refused.err.splitlines()) == 2


def test_an_empty_one_counts_as_unset() -> None:
    assert foreign_environment.refusals(dict.fromkeys(foreign_environment.REFUSED, "")) == []


def test_the_doctor_says_so(run: Shop) -> None:
    told = run("doctor", "--json", CELERY_BROKER_URL=SECRET)
    assert told.code == 1
    (finding,) = told.json
    assert (finding["check"], finding["state"]) == ("settings", "fail")
    assert "CELERY_BROKER_URL" in finding["detail"]


def test_up_refuses_what_stands_in_its_file(run: Shop, tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.write_text(f"CELERY_BROKER_URL={SECRET}\n")
    try:
        refused = run("up", "--env-file", str(file), "--data-dir", str(tmp_path / "data"))
    finally:
        os.environ.pop("CELERY_BROKER_URL", None)
    assert refused.code == 2
    assert refused.err.startswith("shop: CELERY_BROKER_URL ")
    assert not (tmp_path / "data").exists()


def test_every_variable_that_celery_prefers_to_its_configuration_is_known() -> None:
    source = Path(celery_settings.__file__).read_text()
    names = {part.split("'")[0] for part in source.split("os.environ.get('")[1:]}
    assert names
    assert names <= foreign_environment.REFUSED.keys()


def test_no_setting_of_the_shop_is_foreign() -> None:
    names = {name.upper() for name in Settings.model_fields}
    assert not [name for name in names if foreign_environment.is_foreign(name)]
    assert not foreign_environment.is_foreign("FLOWER_PASSWORD_FILE")
    for name in ("PATH", "HOME", "PYTHONPATH", "LANG", "TZ", "LAB_ARM", "SHOP_BROKER"):
        assert not foreign_environment.is_foreign(name)


def test_whatever_is_refused_is_not_handed_on() -> None:
    given = dict.fromkeys([*foreign_environment.REFUSED, "NO_COLOR", "UVICORN_PORT"], "x")
    assert foreign_environment.without_foreign({**given, "PATH": "/bin"}) == {"PATH": "/bin"}
    foreign_environment.drop_foreign(given)
    assert given == {}


def test_services_of_the_supervisor_inherit_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "UVICORN_PORT", "CELERY_BROKER_URL", "LOADER", "FLOWER_URL_PREFIX"):
        monkeypatch.setenv(name, "please")
    monkeypatch.setenv("FLOWER_USER", "ann")
    shows = (
        "names = ('NO_COLOR', 'UVICORN_PORT', 'CELERY_BROKER_URL', 'LOADER', 'FLOWER_URL_PREFIX',"
        " 'FLOWER_USER')\n"
        "note('has ' + str([name for name in names if name in os.environ]))\n"
        "sleep()"
    )
    with supervised(tmp_path, Small("a", shows)) as stack:
        stack.wait_for_note("has ")
        assert "has ['FLOWER_USER']" in stack.notes
        stack.send(signal.SIGTERM)
        assert stack.end() == 0
