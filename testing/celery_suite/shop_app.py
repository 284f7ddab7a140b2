"""A pytest plug-in: the suite's apps are the shop's, and so are their workers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from celery import Celery, Task, _state, signals
from celery.contrib.testing import app as celery_testing
from celery.contrib.testing import tasks as _ping  # noqa: F401 - a worker is up once it does it

from shop.settings import Settings, load_settings
from shop.tasks import stopping
from shop.tasks.base import ShopTask

#: What the suite takes for granted: each test fails where an app knows another queue than its one.
OF_THE_SUITE: Mapping[str, Any] = {
    "task_queues": None,
    "task_routes": None,
    "task_default_queue": "celery",
    "task_default_exchange": None,
    "task_default_routing_key": None,
    "beat_schedule": {},
    **celery_testing.DEFAULT_TEST_CONFIG,
}

#: The suite's tasks take any arguments, and have no records: of the shop's base they get the class
#: of requests, and not its stamps.
SUITE_TASK = type("SuiteTask", (Task,), {"abstract": True, "Request": ShopTask.Request})


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's signature
    # Not before the environment says where Redis is: this module makes the shop's own app.
    from shop import worker

    # The suite's worker is a thread of pytest's: only a main thread may take signals over, and how
    # often garbage is looked for is pytest's business (a test counts what is left uncollected).
    stopping.SIGNALS = ()  # type: ignore[assignment]
    worker.collect_less_often = lambda: None  # type: ignore[attr-defined]
    celery_testing.TestApp = partial(create_suite_app, worker.create_worker)


def create_suite_app(
    create_worker: Callable[[Settings], Celery],
    name: str | None = None,  # noqa: ARG001 - Celery's signature
    config: Mapping[str, Any] | None = None,
    **_: Any,
) -> Celery:
    """In place of `celery.contrib.testing.app.TestApp`, which the suite's fixtures call."""
    others = set(_state._on_app_finalizers)  # noqa: SLF001 - as Celery's own fixtures do
    app = create_worker(load_settings())
    # The shop's tasks are for this app, and not for all that the suite makes later.
    _state._on_app_finalizers = others  # noqa: SLF001
    # The suite reads its logs, set up as it expects them.
    signals.setup_logging.receivers.clear()
    app.task_cls = SUITE_TASK
    app.conf.update({**OF_THE_SUITE, **(config or {})})
    return app
