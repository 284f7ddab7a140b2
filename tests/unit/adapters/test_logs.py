"""What the shop's formatters make of a line."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shop.adapters.logs import configure_logging
from shop.correlation import correlation_id
from tests.builders import ANN
from tests.conftest import MakeSettings

Read = Callable[[], str]


@pytest.fixture
def untouched() -> Iterator[None]:
    """The root logger, as it is again afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def log_as(
    untouched: None, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Read]:
    def configure(log_format: str) -> Read:
        written = io.StringIO()
        monkeypatch.setattr("sys.stdout", written)
        configure_logging(make_settings(log_format=log_format), "test")
        return written.getvalue

    return configure


def test_in_json_no_line_shows_an_address(log_as: Callable[[str], Read]) -> None:
    read = log_as("json")
    logging.getLogger("anybody").warning("sent to %s", ANN)
    try:
        raise ValueError(f"{ANN} is not one of us")
    except ValueError:
        logging.getLogger("anybody").exception("failed")

    said, failed = map(json.loads, read().splitlines())

    assert said["message"] == "sent to a***@example.com"
    assert "ValueError: a***@example.com is not one of us" in failed["exception"]
    assert ANN not in read()


def test_a_line_says_who_wrote_it_when_and_for_whom(log_as: Callable[[str], Read]) -> None:
    read = log_as("json")
    token = correlation_id.set("5d1e")
    try:
        before = datetime.now(UTC)
        logging.getLogger("anybody").info("%d kettles", 2, extra={"client": "192.0.2.7"})
        after = datetime.now(UTC)
    finally:
        correlation_id.reset(token)

    line = json.loads(read())

    at = line.pop("timestamp")
    # All of one form, so that they sort as texts: microseconds too when there are none.
    assert at.endswith("Z")
    assert len(at) == len("2026-01-01T00:00:00.000000Z")
    slack = timedelta(milliseconds=1)
    assert before - slack <= datetime.fromisoformat(at) <= after + slack
    assert line == {
        "level": "info",
        "logger": "anybody",
        "service": "test",
        "message": "2 kettles",
        "correlation_id": "5d1e",
        "client": "192.0.2.7",
    }


def test_a_line_names_no_client_or_request_where_there_is_none(
    log_as: Callable[[str], Read],
) -> None:
    read = log_as("json")
    logging.getLogger("anybody").warning('a "quote"\nand a line', stack_info=True)

    line = json.loads(read())

    assert line["message"] == 'a "quote"\nand a line'
    assert "test_logs.py" in line["stack_info"]
    assert not {"correlation_id", "client", "exception"} & line.keys()


def test_on_a_terminal_a_developer_sees_it(log_as: Callable[[str], Read]) -> None:
    read = log_as("console")
    logging.getLogger("anybody").warning("sent to %s", ANN)

    assert ANN in read()


def test_a_message_that_is_no_task_is_not_quoted(log_as: Callable[[str], Read]) -> None:
    read = log_as("json")
    text = (
        "Received unregistered task of type %s.\n\nThe full contents of the message body was:\n%s"
    )
    for name in ("celery.worker.consumer.consumer", "anybody"):
        logging.getLogger(name).error(text, "'x'", "Psst")

    quoting, another = map(json.loads, read().splitlines())

    assert "Psst" not in quoting["message"]
    assert quoting["message"].startswith("Received unregistered task of type 'x'.")
    # Nobody else's lines are cut.
    assert "Psst" in another["message"]
