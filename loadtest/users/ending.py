"""How a walk ends Locust: with an exit code, and if it broke with one line that says why."""

import logging
import sys

import gevent
from locust.env import Environment
from locust.stats import CSV_STATS_INTERVAL_SEC

logger = logging.getLogger(__name__)
BROKEN = 2
CSV_SLACK_S = 0.2

_reasons: list[str] = []


def explain(reason: str) -> None:
    """Keep a reason; it is shown last, below what Locust prints when it ends."""
    _reasons.append(" ".join(reason.split()))


def show_reasons() -> None:
    for reason in _reasons:
        sys.stderr.write(f"lab: {reason}\n")
    sys.stderr.flush()
    _reasons.clear()


def log_reasons() -> None:
    """For the log of the web page."""
    for reason in _reasons:
        logger.error(reason)
    _reasons.clear()


def end(environment: Environment) -> None:
    """End the process, or under a web page the test only."""
    if environment.runner is None:
        return
    if environment.web_ui is None:
        options = environment.parsed_options
        if options is not None and options.csv_prefix:
            # Locust writes these files every second, and not once more when it ends.
            gevent.sleep(CSV_STATS_INTERVAL_SEC + CSV_SLACK_S)
        environment.runner.quit()
    else:
        log_reasons()
        environment.process_exit_code = None
        environment.runner.stop()
