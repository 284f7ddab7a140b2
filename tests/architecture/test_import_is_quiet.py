"""Importing a module opens nothing, connects nowhere and reads no setting; entry points may."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: They read the settings when they are imported: that is what they are for.
ENTRY_POINTS = {"shop.asgi", "shop.worker"}

#: Runs in a fresh interpreter: imports one module and reports what that touched. Third parties
#: read variables of their own, so only the shop's settings count, and only reads by name.
PROBE = """
import json, os, sys
from shop.settings import Settings
names = {name.upper() for name in Settings.model_fields}
touched = []

class Watched(dict):
    def __getitem__(self, key):
        if key in names: touched.append("environment: " + key)
        return super().__getitem__(key)
    def get(self, key, default=None):
        if key in names: touched.append("environment: " + key)
        return super().get(key, default)

def audit(event, args):
    if event == "socket.connect":
        touched.append("socket: " + str(args[1]))
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        if "__pycache__" not in str(args[0]): touched.append("written: " + str(args[0]))
    elif event in ("subprocess.Popen", "os.fork"):
        touched.append(event)

os.environ = Watched(os.environ)
sys.addaudithook(audit)
__import__(sys.argv[1])
print(json.dumps(touched))
"""


def _modules() -> list[str]:
    names = []
    for path in sorted((ROOT / "shop").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def _touched_by(module: str) -> list[str]:
    probe = subprocess.run(
        [sys.executable, "-c", PROBE, module], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert probe.returncode == 0, probe.stderr
    touched: list[str] = json.loads(probe.stdout.splitlines()[-1])
    return touched


@pytest.mark.parametrize(
    "package", ["shop.api.app", "shop.bootstrap", "shop.cli", "shop.local", "shop.tasks"]
)
def test_importing_a_room_touches_nothing_outside(package: str) -> None:
    assert _touched_by(package) == []


def test_every_module_but_the_entry_points_can_be_imported_without_settings() -> None:
    modules = [name for name in _modules() if name not in ENTRY_POINTS]
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    probe = subprocess.run(
        [sys.executable, "-c", program, *modules],
        # A setting that is refused: whoever reads the settings while being imported fails.
        env={"PATH": "", "LOG_LEVEL": "nonsense", "REDIS_PORT": "nonsense"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert probe.returncode == 0, probe.stderr


def test_the_probe_notices_an_entry_point() -> None:
    program = "import shop.worker"
    probe = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "", "REDIS_PORT": "nonsense"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert probe.returncode != 0
    assert probe.stderr.startswith("shop: REDIS_PORT: ")
