"""How the checks are made; `nox --list` shows the sessions, `make` what people do."""

import nox

nox.needs_version = ">=2026.4"
nox.options.sessions = ["lint", "typecheck", "unit", "contract"]
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13"]
CONSTRAINTS = ("-c", "constraints.txt")


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install pinned `groups` of pyproject.toml, and the project itself in place."""
    session.install("--upgrade", "pip", *CONSTRAINTS)
    arguments = [part for group in groups for part in ("--group", group)]
    if project:
        arguments += ["-e", ".[local]"]
    session.install(*CONSTRAINTS, *arguments)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, the house's import rules, and whether pinned packages are known to be vulnerable."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    session.run("python", "-m", "testing.audit")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Types, strictly."""
    install(session, "dev")
    session.run("mypy")


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Unit and architecture tests, on each Python that is there."""
    install(session, "test")
    session.run("pytest", "tests/unit", "tests/architecture", *session.posargs)


@nox.session
def contract(session: nox.Session) -> None:
    """The same suite over the fakes, fakeredis and a real server."""
    install(session, "test")
    session.run("pytest", "tests/contract", *session.posargs)


@nox.session(default=False)
def integration(session: nox.Session) -> None:
    """The same suite over a stack of local processes and over containers (minutes)."""
    install(session, "test")
    session.run("pytest", "tests/integration", *session.posargs)


@nox.session(default=False)
def rabbitmq(session: nox.Session) -> None:
    """The same suites with RabbitMQ as the broker, and a chaos run that kills it too (minutes)."""
    install(session, "test")
    on_rabbitmq = {"SHOP_BROKER": "rabbitmq", "SHOP_REQUIRE": "rabbitmq"}
    session.run("pytest", "tests/integration", "tests/faults", *session.posargs, env=on_rabbitmq)
    session.run("python", "-m", "testing.chaos", "--quick", "--broker", "rabbitmq")


@nox.session(default=False)
def generated(session: nox.Session) -> None:
    """Invoices, ids, task arguments, and some hundred requests made of the OpenAPI schema."""
    install(session, "test")
    session.run("pytest", "tests/generated", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """At least 10 000 requests made of the OpenAPI schema (minutes); `-- --seed 7` repeats."""
    install(session, "test")
    session.run("python", "-m", "testing.generated", *session.posargs)


@nox.session(default=False)
def chaos(session: nox.Session) -> None:
    """Orders under faults, drained and judged (minutes); `-- --quick` takes one."""
    install(session, "test")
    session.run("python", "-m", "testing.chaos", *session.posargs)


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Inject each fault into a stack of local processes, and see it heal."""
    install(session, "test")
    session.run("pytest", "tests/faults", *session.posargs)


@nox.session(default=False)
def sabotage(session: nox.Session) -> None:
    """Break the shop on purpose, and see each checker notice (minutes)."""
    install(session, "test")
    session.run("python", "-m", "testing.sabotage", *session.posargs)


@nox.session(default=False)
def matrix(session: nox.Session) -> None:
    """Every round trip to Redis x every way it can fail (an hour); `-- --share 20` takes some."""
    install(session, "test")
    session.run("python", "-m", "testing.matrix", *session.posargs)


@nox.session(default=False)
def drills(session: nox.Session) -> None:
    """One fault many times over, with a figure for each promise about time (half an hour)."""
    install(session, "test")
    session.run("python", "-m", "testing.drills", *session.posargs)


@nox.session(default=False)
def celery_suite(session: nox.Session) -> None:
    """Celery's own integration suite on these workers and on plain ones (a quarter of an hour)."""
    install(session, "test")
    session.run("python", "-m", "testing.celery_suite", *session.posargs)


@nox.session(default=False)
def load(session: nox.Session) -> None:
    """Does `priority` stay fast under a flood? `-- --profile full` takes a quarter of an hour."""
    install(session, "test")
    session.run("python", "-m", "loadtest", "run", "priority-under-flood", *session.posargs)


@nox.session(default=False)
def load_sabotage(session: nox.Session) -> None:
    """Break the topology on purpose, and see the load lab's verdict turn red (minutes)."""
    install(session, "test")
    session.run("python", "-m", "loadtest", "sabotage", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """The shop beside its baselines, as ratios (minutes); `-- intake` measures one."""
    install(session, "test")
    session.run("python", "-m", "loadtest", "bench", *session.posargs)
