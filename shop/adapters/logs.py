"""Logs of every process: one line an event, JSON or readable, to standard output and a file.

JSON is for production, and shows no customer's address in clear, whoever wrote the line.
"""

import logging
import sys
from pathlib import Path

import structlog
from concurrent_log_handler import ConcurrentRotatingFileHandler
from structlog.types import EventDict, WrappedLogger

from shop.adapters.json_lines import JsonLines
from shop.correlation import correlation_id
from shop.settings import Settings

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5

#: Loggers that bring handlers of their own, and would write every line twice.
_TALKATIVE = ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "fastapi")


def configure_logging(settings: Settings, service: str) -> None:
    """Give the root logger the shop's handlers; `service` names the process and its file."""
    _leave_out_what_nobody_shows()
    root = logging.getLogger()
    root.setLevel(settings.log_level)
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(_formatter(settings.log_format, service))
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
            root.addHandler(_file_handler(settings.log_dir, service))
        except OSError as error:
            # Standard output has it all; an order is worth more than a second copy of its log.
            logger.warning("no log file in LOG_DIR: %s", error)


def _file_handler(log_dir: Path, service: str) -> logging.Handler:
    log_dir.mkdir(parents=True, exist_ok=True)
    # Several processes of a worker write to one file, so rotation takes a lock.
    handler = ConcurrentRotatingFileHandler(
        log_dir / f"{service}.log", maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES
    )
    # A file is read by programs, whatever the terminal shows.
    handler.setFormatter(_formatter("json", service))
    return handler


def _leave_out_what_nobody_shows() -> None:
    """Spare each line what it costs to find out in which thread, process and task it is written."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False


def _add_correlation_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if found := correlation_id.get():
        event["correlation_id"] = found
    return event


def _formatter(log_format: str, service: str) -> logging.Formatter:
    if log_format == "json":
        return JsonLines(service)
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
            # Rich's tracebacks show every local variable, customers' data among them, and took a
            # worker's event loop 29 s for one error that Redis had caused.
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
    )
