"""What the shop's formatters make of a line."""

import base64
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from shop.adapters.logs import configure_logging
from shop.correlation import correlation_id
from shop.settings import Settings
from tests.builders import ANN
from tests.conftest import MakeSettings

Read = Callable[[], str]
LogAs = Callable[..., Read]

#: What forges lines and commands terminals, in each field that a client controls.
HOSTILE = "a\nb\r\x1b[2J\x9b31m\x7f\x85\u2028\u202e\ud800z"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]")
#: Of `make_settings`, and how each may be written.
PASSWORD = 'h\u00e4nsel "und" /gretel'


@pytest.fixture
def untouched() -> Iterator[None]:
    """The root logger, as it is again afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def log_as(untouched: None, make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch) -> LogAs:
    def configure(log_format: str, **changes: Any) -> Read:
        written = io.StringIO()
        monkeypatch.setattr("sys.stdout", written)
        configure_logging(make_settings(log_format=log_format, **changes), "test")
        return written.getvalue

    return configure


def test_in_json_no_line_shows_an_address(log_as: LogAs) -> None:
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


def test_a_line_says_who_wrote_it_when_and_for_whom(log_as: LogAs) -> None:
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
    log_as: LogAs,
) -> None:
    read = log_as("json")
    logging.getLogger("anybody").warning('a "quote"\nand a line', stack_info=True)

    line = json.loads(read())

    assert line["message"] == 'a "quote"\nand a line'
    assert "test_logs.py" in line["stack_info"]
    assert not {"correlation_id", "client", "exception"} & line.keys()


def test_on_a_terminal_a_developer_sees_it(log_as: LogAs) -> None:
    read = log_as("console")
    logging.getLogger("anybody").warning("sent to %s", ANN)

    assert ANN in read()


def test_a_message_that_is_no_task_is_not_quoted(log_as: LogAs) -> None:
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


def log_hostile() -> None:
    """A line with `HOSTILE` in every field, and one with an exception that says it."""
    logger = logging.getLogger(f"named {HOSTILE}")
    token = correlation_id.set(HOSTILE)
    try:
        logger.warning(f"to {HOSTILE}: %s", HOSTILE, extra={"client": HOSTILE}, stack_info=True)
        try:
            try:
                raise KeyError(HOSTILE)
            except KeyError:
                error = ExceptionGroup(HOSTILE, [ValueError(HOSTILE)])
                error.add_note(HOSTILE)
                raise error from ValueError(HOSTILE)
        except ExceptionGroup:
            logger.exception("failed")
    finally:
        correlation_id.reset(token)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_control_character_leaves_any_format(log_as: LogAs, log_format: str) -> None:
    read = log_as(log_format)
    log_hostile()

    assert CONTROL.findall(read()) == []


def test_no_line_is_forged(log_as: LogAs) -> None:
    read = log_as("json")
    log_hostile()
    assert len(read().splitlines()) == 2

    read = log_as("console")
    log_hostile()
    # The rest of a line after the break that a client wrote would begin with it.
    assert [line for line in read().splitlines() if line.lstrip().startswith("b")] == []


def recurse(depth: int) -> None:
    its_local = PASSWORD
    if depth:
        # By two functions in turns, for equal frames would be folded.
        (recurse if depth % 2 else recurse_in_turn)(depth - 1)
    raise ValueError(len(its_local))


def recurse_in_turn(depth: int) -> None:
    recurse(depth)


def test_a_traceback_on_a_terminal_is_short_and_shows_no_variable(log_as: LogAs) -> None:
    read = log_as("console")
    try:
        recurse(100)
    except ValueError:
        logging.getLogger("anybody").exception("failed")

    first, *traceback = read().splitlines()
    assert "failed" in first
    assert len(traceback) <= 30
    assert traceback[0].startswith("Traceback")
    assert traceback[-1] == f"ValueError: {len(PASSWORD)}"
    assert any("lines left out" in line for line in traceback)
    assert "its_local = PASSWORD" not in read()
    assert PASSWORD not in read()


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_line_shows_a_secret_setting(log_as: LogAs, log_format: str) -> None:
    url = f"://user:{quote(PASSWORD, safe='')}@host"
    secrets = {
        "redis_password": f"1{PASSWORD}",
        "celery_broker_dsn": f"redis{url}1/0",
        "celery_backend_dsn": f"redis{url}2/0",
        "flower_password": f"2{PASSWORD}",
        "api_key": "one-key,another-key",
        "smtp_url": f"smtp{url}3",
    }
    kinds = {name for name, field in Settings.model_fields.items() if "Secret" in str(field)}
    assert secrets.keys() == kinds, "plant one in every secret setting"
    read = log_as(log_format, **secrets)

    logger = logging.getLogger("anybody")
    for secret in (*secrets.values(), PASSWORD, quote(PASSWORD, safe=""), "another-key"):
        logger.warning("with %s, %r, %a", secret, secret, secret)
        logger.warning("in JSON %s", json.dumps(secret))
        logger.warning("in base 64 %s", base64.b64encode(secret.encode()).decode())
        try:
            raise UnicodeEncodeError("ascii", secret, 0, 1, secret)
        except UnicodeEncodeError:
            logger.exception("failed")

    for trace in (
        "nsel",
        "und",
        "gretel",
        "one-key",
        "another-key",
        base64.b64encode(PASSWORD.encode()).decode()[:12],
    ):
        assert trace not in read()


def test_what_is_no_secret_is_shown(log_as: LogAs) -> None:
    read = log_as("console", celery_broker_dsn="redis://127.0.0.1:6390/0", redis_password="red")
    logging.getLogger("anybody").warning("connected to redis://127.0.0.1:6390/0 by red")

    # A short one where it stands alone: "***is" would say what it is.
    assert "connected to redis://127.0.0.1:6390/0 by ***" in read()
