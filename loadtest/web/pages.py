"""The lab's page beside Locust's: called by the locustfile, and only at work where there is a page."""

from typing import Any

from locust.env import Environment
from locust.event import Events


def register(events: Events) -> None:
    """Called once."""
    events.init.add_listener(_on_init)


def _on_init(environment: Environment, **_: Any) -> None:
    if environment.web_ui is None:
        return
    # A generator without a page shall not load what draws and judges.
    from loadtest.web.lab import Lab

    Lab(environment).install()
