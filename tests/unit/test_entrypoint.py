"""entrypoint.sh's options and refusals, with a `docker` that only notes how it is called."""

from collections.abc import Callable
from itertools import combinations, permutations
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from shop.settings import Settings
from tests.unit.checkout import REPOSITORY, Checkout

STEPS = ("build", "down", "up", "logs")  # in the order in which they make sense
LOCALES = ("C", "C.UTF-8")
DASHES = (
    "-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\ufe58", "\ufe63",
    "\uff0d",
)  # fmt: skip
PASSWORD = {"FLOWER_PASSWORD": "correct horse"}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def flags(*names: str) -> list[str]:
    return [f"--{name}" for name in names]


# --- Options ---


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("dash", DASHES, ids=lambda dash: f"U+{ord(dash):04X}")
def test_takes_every_dash(checkout: Checkout, dash: str, count: int, locale: str) -> None:
    done = checkout.run(f"{dash * count}down", environment={"LC_ALL": locale})

    assert done.exit_code == 0, done.err
    assert checkout.steps() == ["down"]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("dashes", ["–-", "-–", "—-", "−–", "－-", "‐‑"])
def test_takes_mixed_dashes(checkout: Checkout, dashes: str, locale: str) -> None:
    done = checkout.run(f"{dashes}build", environment={"LC_ALL": locale})

    assert done.exit_code == 0, done.err
    assert checkout.steps() == ["build"]


def test_takes_what_a_word_processor_made_of_a_whole_command(checkout: Checkout) -> None:
    done = checkout.run("–up", "–-dev", "—build", "−−down", environment=PASSWORD)

    assert done.exit_code == 0, done.err
    assert checkout.steps() == ["build", "down", "up"]
    assert checkout.compose_files() == {str(checkout.shop / "docker-compose.dev.yml")}


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids="-".join)
def test_runs_in_a_sensible_order(checkout: Checkout, order: tuple[str, ...]) -> None:
    done = checkout.run(*flags(*order), environment=PASSWORD)

    assert done.exit_code == 0, done.err
    assert checkout.steps() == list(STEPS)


@pytest.mark.parametrize(
    "wanted", [some for count in (1, 2, 3) for some in combinations(STEPS, count)], ids="-".join
)
def test_runs_any_combination(checkout: Checkout, wanted: tuple[str, ...]) -> None:
    done = checkout.run(*flags(*reversed(wanted)), *flags(*wanted), environment=PASSWORD)

    assert done.exit_code == 0, done.err
    # What is started is of the source that is there.
    done_as_well = {"build"} if "up" in wanted else set()
    assert checkout.steps() == [step for step in STEPS if step in {*wanted, *done_as_well}]


@pytest.mark.parametrize("options", [("dev", "up"), ("up", "dev")], ids="-".join)
def test_dev_uses_the_development_file_alone(checkout: Checkout, options: tuple[str, ...]) -> None:
    done = checkout.run(*flags(*options), environment=PASSWORD)

    assert "(development)" in done.out
    assert checkout.compose_files() == {str(checkout.shop / "docker-compose.dev.yml")}


def test_without_dev_uses_the_production_file(checkout: Checkout) -> None:
    done = checkout.run("--up", environment=PASSWORD)

    assert "(production)" in done.out
    assert checkout.compose_files() == {str(checkout.shop / "docker-compose.yml")}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "option",
    ["--bulid", "up", "---up", "—–-up", "--", "—", "--up=1", "-updown", "__up", "~~up", "--UP"],
)
def test_names_an_unknown_option(checkout: Checkout, option: str, locale: str) -> None:
    done = checkout.run("--down", option, "--up", environment={**PASSWORD, "LC_ALL": locale})

    first, *rest = done.err.splitlines()
    assert done.exit_code == 2
    assert first == f"entrypoint.sh: unknown option: {option}"
    assert rest[0].startswith("Usage: ")
    assert checkout.calls() == []


@pytest.mark.parametrize("options", [(), ("--dev",)])
def test_prints_its_usage_when_there_is_nothing_to_do(
    checkout: Checkout, options: tuple[str, ...]
) -> None:
    done = checkout.run(*options)

    assert done.exit_code == 2
    assert done.err.startswith("Usage: ")
    assert checkout.calls() == []


@pytest.mark.parametrize("options", [("--help",), ("–help",), ("-h",), ("--up", "--help")])
def test_helps_and_does_nothing_else(checkout: Checkout, options: tuple[str, ...]) -> None:
    done = checkout.run(*options)

    assert done.exit_code == 0
    assert all(f"--{name} " in done.out for name in (*STEPS, "dev", "help"))
    assert checkout.calls() == []


# --- What must be there ---


def _no_docker(checkout: Checkout) -> None:
    checkout.docker.unlink()


def _no_compose(checkout: Checkout) -> None:
    checkout.environment["FAKE_COMPOSE_EXIT"] = "1"


def _no_engine(checkout: Checkout) -> None:
    checkout.environment["FAKE_ENGINE_EXIT"] = "1"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("lack", [_no_docker, _no_compose, _no_engine])
def test_names_make_local_in_one_line_without_an_engine(
    checkout: Checkout, lack: Callable[[Checkout], None], step: str
) -> None:
    lack(checkout)

    done = checkout.run(f"--{step}")

    assert done.exit_code == 1
    assert len(done.err.splitlines()) == 1
    assert "make local" in done.err
    assert checkout.steps() == []


@pytest.mark.parametrize(
    "dotenv",
    [
        None,
        "",
        "FLOWER_USER=ann\n",
        "FLOWER_PASSWORD=\n",
        "FLOWER_PASSWORD=''\n",
        "FLOWER_PASSWORD= # choose one\n",
        "#FLOWER_PASSWORD=commented-out\n",
        "MY_FLOWER_PASSWORD=another\n",
        "FLOWER_PASSWORD=first\nFLOWER_PASSWORD=\n",
    ],
)
def test_refuses_to_start_without_a_flower_password(checkout: Checkout, dotenv: str | None) -> None:
    if dotenv is not None:
        checkout.dotenv.write_text(dotenv)

    done = checkout.run("--down", "--build", "--up")

    assert done.exit_code == 1
    assert len(done.err.splitlines()) == 1
    assert "FLOWER_PASSWORD is not set" in done.err
    assert ".env" in done.err
    assert checkout.steps() == []


@pytest.mark.parametrize(
    "line",
    [
        "FLOWER_PASSWORD=change-me",
        "FLOWER_PASSWORD=change-me\r",
        "export FLOWER_PASSWORD='Change-Me'",
        '  FLOWER_PASSWORD = "<your password>"  # here',
        "FLOWER_PASSWORD=change-me # a comment",
        "FLOWER_PASSWORD: secret",
        "FLOWER_PASSWORD=good-one\nFLOWER_PASSWORD=changeme",
    ],
)
def test_refuses_to_start_with_a_placeholder(checkout: Checkout, line: str) -> None:
    checkout.dotenv.write_text(line)  # no newline at its end, which editors leave as well

    done = checkout.run("--down", "--build", "--up")

    assert done.exit_code == 1
    assert len(done.err.splitlines()) == 1
    assert "FLOWER_PASSWORD is still the placeholder" in done.err
    assert ".env" in done.err
    assert checkout.steps() == []


def test_refuses_the_example_file_as_it_is(checkout: Checkout) -> None:
    example = REPOSITORY / ".env.example"
    checkout.dotenv.write_text(example.read_text())

    done = checkout.run("--up")

    assert done.exit_code == 1
    assert "FLOWER_PASSWORD is still the placeholder" in done.err


@pytest.mark.parametrize(
    "line",
    [
        "FLOWER_PASSWORD=correct-horse",
        "FLOWER_PASSWORD='# password'",
        'FLOWER_PASSWORD="change-nothing"',
        "FLOWER_PASSWORD=a#change-me",
        "FLOWER_PASSWORD=changeme\nFLOWER_PASSWORD=good-one",
    ],
)
def test_takes_the_flower_password_from_the_env_file(checkout: Checkout, line: str) -> None:
    checkout.dotenv.write_text(f"{line}\n")

    done = checkout.run("--up")

    assert done.exit_code == 0, done.err
    # Compose reads the file by itself, and by its own rules.
    started = [call for call in checkout.compose_calls() if call.arguments[0] != "build"]
    assert {call.flower_password for call in started} == {""}


@pytest.mark.parametrize(
    ("exported", "exit_code"), [("correct horse", 0), ("change-me", 1), ("", 1)]
)
def test_the_environment_wins_over_the_env_file(
    checkout: Checkout, exported: str, exit_code: int
) -> None:
    checkout.dotenv.write_text(f"FLOWER_PASSWORD={'change-me' if exit_code == 0 else 'good-one'}\n")

    assert checkout.run("--up", environment={"FLOWER_PASSWORD": exported}).exit_code == exit_code


@pytest.mark.parametrize(
    "value",
    [
        "change-me", "CHANGEME", "change_it-please", "change this now", "<password>", "***", "xxx",
        "...", "your-password", "Your_secret", "placeholder", "password", "passwd", "secret",
        "admin", "example", "default", "todo",
        "exchange-me", "p<word>", "x1", "yours", "passwords", "secret1", "my admin", "Kx8!",
        " change-me ",
    ],
)  # fmt: skip
def test_agrees_with_the_settings_on_what_is_a_placeholder(checkout: Checkout, value: str) -> None:
    try:
        Settings(flower_password=SecretStr(value))
    except ValidationError:
        exit_code = 1
    else:
        exit_code = 0

    assert checkout.run("--up", environment={"FLOWER_PASSWORD": value}).exit_code == exit_code


@pytest.mark.parametrize("step", ["down", "build", "logs"])
def test_only_starting_needs_the_flower_password(checkout: Checkout, step: str) -> None:
    done = checkout.run(f"--{step}")

    assert done.exit_code == 0, done.err
    assert checkout.steps() == [step]
    # Compose refuses its own file when there is none.
    assert all(call.flower_password for call in checkout.compose_calls())


def test_stops_at_the_first_step_that_fails(checkout: Checkout) -> None:
    checkout.docker.write_text(
        checkout.docker.read_text().replace('*" up "*)', '*" build") exit 17 ;;\n*" up "*)')
    )

    done = checkout.run("--up", "--build", environment=PASSWORD)

    assert done.exit_code == 17
    assert checkout.steps() == ["build"]
