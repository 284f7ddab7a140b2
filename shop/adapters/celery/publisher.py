"""Sends jobs through Celery, bounded in time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

from celery import Celery

from shop.adapters.celery.depth import messages_waiting
from shop.adapters.celery.envelope import publishing_options
from shop.adapters.celery.errors import BROKER_ERRORS
from shop.domain.errors import PublishFailed
from shop.domain.work import Job


class CeleryPublisher:
    """Publishes from workers and commands, on any broker."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def publish(self, job: Job) -> None:
        try:
            # Mandatory: RabbitMQ would confirm, and drop, what no queue takes any more.
            self._app.send_task(job.task.value, **publishing_options(job), mandatory=True)
        except BROKER_ERRORS as error:
            raise PublishFailed(f"{type(error).__name__}: {error}") from error

    def is_idle(self, queue: str) -> bool:
        try:
            return messages_waiting(self._app, queue) == 0
        except BROKER_ERRORS as error:
            raise PublishFailed(f"{type(error).__name__}: {error}") from error

    def queue_of(self, task: str) -> str:
        route = self._app.conf.task_routes.get(task, {})
        return str(route.get("queue", self._app.conf.task_default_queue))


class AsyncCeleryPublisher:
    """Publishes from the API on any broker: off the event loop, and within `timeout_s`."""

    def __init__(self, app: Celery, *, threads: int, timeout_s: float) -> None:
        self._publisher = CeleryPublisher(app)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="publish")
        self._timeout_s = timeout_s

    async def publish(self, job: Job) -> None:
        loop = asyncio.get_running_loop()
        # The thread shall know for which request it publishes.
        publish = partial(copy_context().run, self._publisher.publish, job)
        sending = loop.run_in_executor(self._threads, publish)
        try:
            await asyncio.wait_for(sending, self._timeout_s)
        except TimeoutError:
            raise PublishFailed(f"the broker did not answer within {self._timeout_s} s") from None

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
