"""What the shop's formatters make of a line."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest

from shop.adapters.logs import configure_logging
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
