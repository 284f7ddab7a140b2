"""Logs of every process: one line an event, JSON or readable, to standard output and a file."""

import logging
import sys
from pathlib import Path

import structlog
from concurrent_log_handler import ConcurrentRotatingFileHandler
from structlog.types import EventDict, Processor, WrappedLogger

from shop.settings import Settings

MAX_FILE_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5

#: Loggers that bring handlers of their own, and would write every line twice.
_TALKATIVE = ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "fastapi")


def configure_logging(settings: Settings, service: str) -> None:
    """Give the root logger the shop's handlers; `service` names the process and its file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    handlers[0].setFormatter(_formatter(settings.log_format, service))
    if settings.log_dir is not None:
        handlers.append(_file_handler(settings.log_dir, service))
    root = logging.getLogger()
    root.handlers = handlers
    root.setLevel(settings.log_level)
    for name in _TALKATIVE:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True


def _file_handler(log_dir: Path, service: str) -> logging.Handler:
    log_dir.mkdir(parents=True, exist_ok=True)
    # Several processes of a worker write to one file, so rotation takes a lock.
    handler = ConcurrentRotatingFileHandler(
        log_dir / f"{service}.log", maxBytes=MAX_FILE_BYTES, backupCount=KEPT_FILES
    )
    # A file is read by programs, whatever the terminal shows.
    handler.setFormatter(_formatter("json", service))
    return handler


def _formatter(log_format: str, service: str) -> logging.Formatter:
    def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        rendering: list[Processor] = [
            add_service,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(),
        ]
    else:
        rendering = [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
