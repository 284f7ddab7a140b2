"""Adds the lab's page to Locust's, where there is one."""

from typing import Any

from locust.env import Environment
from locust.event import Events


def register(events: Events) -> None:
    """Called once, by the locustfile."""
    events.init.add_listener(_on_init)


def _on_init(environment: Environment, **_: Any) -> None:
    page = environment.web_ui
    if page is None or page.app is None:
        return
    # A generator without a page shall not load what draws and judges.
    from loadtest.web.lab import Lab

    Lab(environment).install(page, page.app)
