"""What a run says, and how it ends, when no Docker engine answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing import engine, rabbitmq
from testing.engine import engine_problem

pytest_plugins = ["pytester"]

NO_ENGINE = "no Docker engine answers (is it there?)"

ON_CONTAINERS = """
    import pytest

    def test_of_rules():
        pass

    containers = pytest.param("containers", marks=pytest.mark.docker)

    @pytest.mark.parametrize("stack", ["local", containers])
    def test_of_the_whole(stack):
        assert stack == "local", "ran without an engine"
"""


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_REQUIRE", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(engine, "engine_problem", lambda: NO_ENGINE)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """A run of its own with the plugin, in this process."""
    return pytester.runpytest_inprocess("-p", "testing.pytest_plugin", *arguments)


def test_without_an_engine_the_last_line_names_what_was_not_proven(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_shop=ON_CONTAINERS)
    result = run(pytester)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=2, skipped=1)
    assert result.outlines[-1] == (
        f"NOT PROVEN, 1 test skipped: {NO_ENGINE}; SHOP_REQUIRE=docker makes this a failure: "
        "test_shop.py (1)"
    )


def test_the_last_lines_count_by_file_and_stand_below_the_totals(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a=ON_CONTAINERS, test_b=ON_CONTAINERS)
    result = run(pytester, "-q")
    result.stdout.fnmatch_lines(
        ["*4 passed, 2 skipped*", "NOT PROVEN, 2 tests skipped:*: test_a.py (1), test_b.py (1)"]
    )


@pytest.mark.parametrize("value", ["docker", "docker,"])
def test_a_required_engine_that_is_missing_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SHOP_REQUIRE", value)
    pytester.makepyfile(ON_CONTAINERS)
    result = run(pytester)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines([f"SHOP_REQUIRE=docker, but {NO_ENGINE}"])
    result.stdout.no_fnmatch_line("NOT PROVEN*")


def test_a_required_engine_matters_only_to_the_tests_that_need_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_REQUIRE", "docker")
    pytester.makepyfile(ON_CONTAINERS)
    result = run(pytester, "-k", "rules or local")
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=2, deselected=1)


def test_with_an_engine_the_tests_run_and_nothing_is_left_to_say(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "engine_problem", lambda: None)
    pytester.makepyfile(ON_CONTAINERS)
    result = run(pytester)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*ran without an engine*"])
    result.stdout.no_fnmatch_line("NOT PROVEN*")


def test_whatever_else_was_skipped_is_named_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_some="""
        import pytest

        @pytest.mark.skip(reason="pdftoppm is not installed")
        def test_drawing():
            raise AssertionError

        @pytest.mark.xfail(reason="a known fault")
        def test_known():
            raise AssertionError
        """,
        test_module="""
        import pytest
        pytest.importorskip("no_such_module")
        """,
    )
    result = run(pytester)
    result.assert_outcomes(skipped=2, xfailed=1)
    assert [line for line in result.outlines if line.startswith("NOT PROVEN")] == [
        (
            "NOT PROVEN, 1 test skipped: could not import 'no_such_module': "
            "No module named 'no_such_module': test_module.py (1)"
        ),
        "NOT PROVEN, 1 test skipped: pdftoppm is not installed: test_some.py (1)",
    ]


def test_a_requirement_that_nobody_knows_is_refused(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_REQUIRE", "dokcer")
    pytester.makepyfile(ON_CONTAINERS)
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*SHOP_REQUIRE names dokcer; known: audit, docker, rabbitmq*"])


class TestEngineProblem:
    @pytest.fixture(autouse=True)
    def _ask_anew(self) -> Iterator[None]:
        engine_problem.cache_clear()
        yield
        engine_problem.cache_clear()

    def test_an_engine_that_does_not_answer_is_named_in_one_line(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(_fake_docker(tmp_path, server="echo refused >&2; exit 1")))
        assert engine_problem() == "no Docker engine answers (refused)"

    def test_no_docker_at_all(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert engine_problem() == "the docker command is not installed"

    def test_an_engine_that_answers_is_no_problem(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(_fake_docker(tmp_path, server="echo 20.10")))
        assert engine_problem() is None

    def test_compose_is_needed_too(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(_fake_docker(tmp_path, compose="exit 1")))
        assert engine_problem() == "the docker command lacks Compose"


def _fake_docker(folder: Path, *, compose: str = "exit 0", server: str = "exit 0") -> Path:
    """A folder for PATH with a `docker` whose two answers are shell commands."""
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\nif [ "$1" = compose ]; then {compose}; else {server}; fi\n')
    docker.chmod(0o755)
    return folder


NO_RABBITMQ = "rabbitmq-server is not installed"
ON_RABBITMQ = """
    import pytest

    @pytest.mark.rabbitmq
    def test_of_the_broker():
        raise AssertionError("ran without one")
"""


def test_without_a_rabbitmq_the_last_line_says_so(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq, "rabbitmq_problem", lambda: NO_RABBITMQ)
    pytester.makepyfile(test_shop=ON_RABBITMQ)
    result = run(pytester)
    result.assert_outcomes(skipped=1)
    assert result.outlines[-1] == (
        f"NOT PROVEN, 1 test skipped: {NO_RABBITMQ}; SHOP_REQUIRE=rabbitmq makes this a failure: "
        "test_shop.py (1)"
    )


@pytest.mark.parametrize("value", ["rabbitmq", "docker,rabbitmq"])
def test_a_required_rabbitmq_that_is_missing_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SHOP_REQUIRE", value)
    monkeypatch.setattr(rabbitmq, "rabbitmq_problem", lambda: NO_RABBITMQ)
    pytester.makepyfile(ON_RABBITMQ)
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"SHOP_REQUIRE=rabbitmq, but {NO_RABBITMQ}"])
