"""The README's shell lines, and commands between backquotes, name what is there.

What can be tried without Docker is: each service's own command is run on a stack of processes.
"""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from testing import pytest_plugin
from testing.stack import Stack
from testing.stacks.local import LocalStack
from tests.docs import shop_command
from tests.docs.conftest import BIN
from tests.docs.markdown import README, REPOSITORY, read, source
from tests.docs.reader import Reader, clean_environment

DOCUMENT, CONTRIBUTING = read(README), read("CONTRIBUTING.md")
SERVICES = set(yaml.safe_load(source("docker-compose.yml"))["services"])

LINES = [
    line
    for document in (DOCUMENT, CONTRIBUTING)
    for block in document.blocks
    if block.language == "sh"
    for line in block.lines
]
PROGRAMS = (
    "make",
    "./entrypoint.sh",
    "docker",
    "cp",
    "shop",
    ".venv/bin/nox",
    ".venv/bin/pre-commit",
)
#: A program's name alone is only that.
INLINE = [
    code
    for document in (DOCUMENT, CONTRIBUTING)
    for code in document.codes
    if re.sub(r"^([A-Z_]+=\S+ )+", "", code).startswith(tuple(f"{name} " for name in PROGRAMS))
]


@pytest.fixture(scope="module")
def listed() -> str:
    """What `make` prints."""
    return _run("make")


def _run(*command: str) -> str:
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env=clean_environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_make_lists_all_that_it_does(listed: str) -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", source("Makefile"), re.MULTILINE)

    assert re.findall(r"^  make (\S+)", listed, re.MULTILINE) == phony.split()


@pytest.mark.parametrize("line", sorted({*LINES, *INLINE}))
def test_a_command_is_one(
    line: str, listed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").touch()  # which the reader has by then
    words = shlex.split(line)
    while re.fullmatch(r"[A-Z_]+=\S+", words[0]):
        _check_variable(words.pop(0))
    match words:
        case ["make", *rest]:
            _check_make(rest, listed)
        case ["shop", *rest]:
            shop_command.parse(rest)
        case ["./entrypoint.sh", *options]:
            assert set(options) <= {*DOCUMENT.named("option")}
        case ["docker", "compose", "exec", service, _, *_] | [
            "docker",
            "compose",
            "restart",
            service,
        ]:
            assert service in SERVICES
        case ["docker", "compose", "-f", *files_and_command]:
            _check_layers(["-f", *files_and_command])
        case ["cp", what, _]:
            assert (REPOSITORY / what).is_file()
        case [program, *_] if program.startswith(".venv/bin/"):
            _check_tool(line, words)
        case _:
            pytest.fail(f"nobody knows whether this works: {line}")


def _check_layers(words: list[str]) -> None:
    """Files that are layered, and services of theirs that are scaled."""
    services = set()
    while words[0] == "-f":
        services |= set(yaml.safe_load(source(words[1]))["services"])
        words = words[2:]
    # Built, for the image of an earlier source would do for what has no new volume only.
    assert words[:4] == ["up", "-d", "--build", "--wait"]
    scaled = words[4:]
    assert set(scaled[::2]) <= {"--scale"}
    assert {word.partition("=")[0] for word in scaled[1::2]} <= services


def _check_variable(assignment: str) -> None:
    name, _, value = assignment.partition("=")
    assert name == pytest_plugin.REQUIRE_VARIABLE
    assert value in pytest_plugin.REQUIRABLE


def _check_make(words: list[str], listed: str) -> None:
    targets = {word for word in words if "=" not in word}
    assert targets <= set(re.findall(r"^  make (\S+)", listed, re.MULTILINE))
    for word in words:
        if word not in targets and targets in ({"chaos"}, {"matrix"}):
            assert word.removeprefix("ARGS=") in _run(
                sys.executable, "-m", f"testing.{words[0]}", "--help"
            )
        elif word not in targets:
            assert targets == {"local"}
            shop_command.parse(["up", *shlex.split(word.removeprefix("ARGS="))])


@cache
def _nox_list() -> str:
    return _run(sys.executable, "-m", "nox", "--list")


def test_nox_lists_what_is_said() -> None:
    listed = _nox_list()

    assert all(f"-{version} " in listed for version in ("3.11", "3.12", "3.13"))


REDIS_LINES = [line for line in LINES if " redis-cli " in line]


@pytest.mark.parametrize("line", REDIS_LINES)
def test_what_is_asked_of_redis_is_answered(line: str, stack: Stack) -> None:
    _, _, arguments = line.partition(" redis-cli -n ")
    db, *command = arguments.split()

    # The server refuses an unknown command, and one on a key of another type.
    answer = stack.redis(int(db)).execute_command(*command)

    assert isinstance(answer, list if command[0] == "zrange" else int)


def test_the_operations_ask_redis() -> None:
    assert len(REDIS_LINES) == 3


def test_what_is_asked_of_shop_in_a_container_is_answered(
    reader: Reader, stack: LocalStack
) -> None:
    commands = [
        line.partition(" exec backend ")[2] for line in LINES if " exec backend shop " in line
    ]
    # In a container the API is at the address that `shop doctor` takes by itself.
    addresses = f"--api-url {stack.base_url} --flower-url {stack.flower_url}"
    stack.wait_ready()

    printed = {
        command: reader.run(
            f"{BIN}/{command}" + (f" {addresses}" if command == "shop doctor" else "")
        )
        for command in commands
    }

    assert printed.keys() == {"shop seed", "shop doctor"}
    assert printed["shop seed"] == "Nothing to add: all of it is there."
    assert printed["shop doctor"].count("1 live worker") == 2


@pytest.mark.docker
def test_compose_knows_its_commands() -> None:
    listed = _run("docker", "compose", "--help")

    used = {
        re.sub(r"( -f \S+)*", "", line).split()[2]
        for line in LINES
        if line.startswith("docker compose ")
    }
    assert used == {"exec", "restart", "up"}
    assert used <= set(re.findall(r"^  (\w+) ", listed, re.MULTILINE))


def test_every_setting_that_is_named_is_one() -> None:
    named = {
        code for document in (DOCUMENT, CONTRIBUTING) for code in document.codes
        if re.fullmatch("[A-Z]+(_[A-Z]+)+", code)
    }  # fmt: skip
    example = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", source(".env.example"), re.MULTILINE))

    assert named
    assert named <= {*DOCUMENT.named("variable")} | example


def test_every_call_that_is_named_is_one() -> None:
    calls = {code for code in DOCUMENT.codes if re.match("(GET|POST) ", code)}

    assert calls <= {*DOCUMENT.named("call")}


def _check_tool(line: str, words: list[str]) -> None:
    """Of the virtual environment."""
    match words:
        case [".venv/bin/python", "-m", "loadtest", name]:
            assert f'"{name}"' in (REPOSITORY / "loadtest" / "__main__.py").read_text()
        case [".venv/bin/nox", "-s", session]:
            assert f"- {session} -> " in _nox_list()
        case [".venv/bin/nox", "--list"] | [".venv/bin/pre-commit", "install"]:
            assert (BIN / Path(words[0]).name).is_file()
        case _:
            pytest.fail(f"nobody knows whether this works: {line}")
