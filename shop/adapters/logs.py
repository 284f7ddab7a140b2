"""Logs of every process: one line an event, JSON or readable, to standard output and a file.

JSON is for production, and shows no customer's address in clear, whoever wrote the line. Neither
format shows a secret setting's value, or lets a control character through.
"""

import logging
import sys
from functools import partial
from pathlib import Path

import structlog
from concurrent_log_handler import ConcurrentRotatingFileHandler
from structlog.types import EventDict, WrappedLogger

from shop.adapters.json_lines import JsonLines
from shop.adapters.masking import SecretMask, escaped
from shop.adapters.tracebacks import write_traceback
from shop.correlation import correlation_id
from shop.settings import Settings

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5

#: Loggers that bring handlers of their own, and would write every line twice.
_TALKATIVE = ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "fastapi")

#: Where a line was logged: source code on several lines, which no client writes.
_STACK = "stack"


def configure_logging(settings: Settings, service: str) -> None:
    """Give the root logger the shop's handlers; `service` names the process and its file."""
    mask = SecretMask(settings)
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(_formatter(settings.log_format, service, mask))
    root.handlers = [console]
    for name in _TALKATIVE:
        talkative = logging.getLogger(name)
        talkative.handlers = []
        talkative.propagate = True
        # uvicorn gives its own a level, and LOG_LEVEL would not count for them.
        talkative.setLevel(logging.NOTSET)
    # That a worker has received a task, before what became of it: for those who look closely.
    received = logging.getLogger("celery.worker.strategy")
    looks_closely = root.isEnabledFor(logging.DEBUG)
    received.setLevel(logging.NOTSET if looks_closely else max(logging.WARNING, root.level))
    # The API writes a line of its own, with the request's id; uvicorn asks for handlers.
    logging.getLogger("uvicorn.access").propagate = False
    if settings.log_dir is not None:
        try:
            root.addHandler(_file_handler(settings.log_dir, service, mask))
        except OSError as error:
            # Standard output has it all; an order is worth more than a second copy of its log.
            logger.warning("no log file in LOG_DIR: %s", error)


def _file_handler(log_dir: Path, service: str, mask: SecretMask) -> logging.Handler:
    log_dir.mkdir(parents=True, exist_ok=True)
    # Several processes of a worker write to one file, so rotation takes a lock.
    handler = ConcurrentRotatingFileHandler(
        log_dir / f"{service}.log", maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES
    )
    # A file is read by programs, whatever the terminal shows.
    handler.setFormatter(_formatter("json", service, mask))
    return handler


def _add_correlation_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if found := correlation_id.get():
        event["correlation_id"] = found
    return event


def _escape_control_characters(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A line break would begin a line that nobody logged, and ESC a command to the terminal."""
    return {
        name: escaped(value) if isinstance(value, str) and name != _STACK else value
        for name, value in event.items()
    }


def _name_stack(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """By the name by which the renderer prints it on lines of its own."""
    if stack := event.pop("stack_info", None):
        event[_STACK] = stack
    return event


def _formatter(log_format: str, service: str, mask: SecretMask) -> logging.Formatter:
    if log_format == "json":
        return JsonLines(service, mask)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            _add_correlation_id,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(allow=["client"]),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _name_stack,
            mask.processor,
            _escape_control_characters,
            # Rich's tracebacks show every local variable, customers' data among them, and took a
            # worker's event loop 29 s for one error that Redis had caused.
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), exception_formatter=partial(write_traceback, mask=mask)
            ),
        ],
    )
