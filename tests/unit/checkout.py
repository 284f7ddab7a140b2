"""A copy of the repository's container files beside a `docker` that only notes its calls."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

#: All programs that entrypoint.sh may use, besides docker: what macOS and Debian both have.
TOOLS = (
    "bash", "cat", "chmod", "dirname", "env", "find", "head", "mkdir", "printenv", "sed", "tr",
)  # fmt: skip

SERVICES = ("redis", "backend", "workers", "celery_beat", "flower")

#: Behaves as told by the environment; a container's id is `id-` and its service.
FAKE_DOCKER = r"""#!/usr/bin/env bash
{ printf '%s\037' "$@"; echo "${FLOWER_PASSWORD-}"; } >>"$FAKE_CALLS"
case $* in
"compose version"*) exit "${FAKE_COMPOSE_EXIT:-0}" ;;
"version "*)
    echo "Cannot connect to the Docker daemon" >&2
    exit "${FAKE_ENGINE_EXIT:-0}"
    ;;
"inspect "*)
    state=FAKE_STATE_${!#}
    state=${state//-/_}
    echo "${!state:-running, healthy}"
    ;;
"logs "*) echo "a line of ${!#}" ;;
*" up "*) exit "${FAKE_UP_EXIT:-0}" ;;
*" config --services") printf '%s\n' $FAKE_SERVICES ;;
*" ps "*) echo "id-${!#}" ;;
*" port backend 8000") echo 0.0.0.0:18000 ;;
*" port flower 5555") echo 0.0.0.0:15555 ;;
*" port redis 6379") echo 127.0.0.1:16379 ;;
esac
"""


@dataclass(frozen=True)
class Call:
    """One call of docker: its arguments, and the FLOWER_PASSWORD that it was given."""

    arguments: tuple[str, ...]
    flower_password: str


@dataclass(frozen=True)
class Finished:
    """How a run of entrypoint.sh ended."""

    exit_code: int
    out: str
    err: str


@dataclass
class Checkout:
    """Runs the real entrypoint.sh in a folder of its own, with nothing of this machine's Docker."""

    root: Path
    #: Set for each run; FLOWER_PASSWORD is not unless a test says so.
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bin = self.root / "bin"
        self.bin.mkdir(parents=True)
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (self.bin / tool).symlink_to(found)
        self.docker = self.bin / "docker"
        self.docker.write_text(FAKE_DOCKER)
        self.docker.chmod(0o755)
        self.shop = self.root / "the shop"  # people do have folders with spaces
        self.shop.mkdir()
        for name in ("entrypoint.sh", "docker-compose.yml", "docker-compose.dev.yml"):
            shutil.copy(REPOSITORY / name, self.shop)
        self.dotenv = self.shop / ".env"
        self._calls = self.root / "calls"

    def run(self, *options: str, environment: Mapping[str, str] | None = None) -> Finished:
        """Run the script from another folder, as its options' bytes whatever the locale."""
        done = subprocess.run(
            self.command(*options),
            check=False,
            cwd=self.root,
            env=self.variables(environment),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
        )
        return Finished(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode("utf-8")
        )

    def command(self, *options: str) -> list[bytes]:
        return [os.fsencode(self.shop / "entrypoint.sh"), *(option.encode() for option in options)]

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {
            "PATH": str(self.bin),
            "LC_ALL": "C.UTF-8",
            "FAKE_CALLS": str(self._calls),
            "FAKE_SERVICES": " ".join(SERVICES),
            **self.environment,
            **(more or {}),
        }

    def calls(self) -> list[Call]:
        if not self._calls.exists():
            return []
        lines = (line.split("\x1f") for line in self._calls.read_text().splitlines())
        return [Call(tuple(arguments), password) for *arguments, password in lines]

    def compose_calls(self) -> list[Call]:
        """What was asked of Compose: each call's arguments after the files."""
        prefix = ("compose", "--project-directory", str(self.shop), "-f")
        return [
            Call(call.arguments[5:], call.flower_password)
            for call in self.calls()
            if call.arguments[:4] == prefix
        ]

    def compose_files(self) -> set[str]:
        return {call.arguments[4] for call in self.calls() if "-f" in call.arguments}

    def steps(self) -> list[str]:
        """The changes that were made, in order; looking is none."""
        verbs = [call.arguments[0] for call in self.compose_calls()]
        return [verb for verb in verbs if verb in {"down", "build", "up", "logs"}]
