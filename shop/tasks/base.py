"""What every task of the shop has in common: its services, its stamps, its arguments' check."""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from functools import cache
from inspect import Signature, signature
from traceback import format_exception
from typing import Any, TypeVar

from celery import Celery, Task
from pydantic import BaseModel, ValidationError

from shop.adapters.celery.backend import carrier
from shop.adapters.celery.envelope import CORRELATION_HEADER, ENQUEUED_AT_HEADER
from shop.adapters.celery.request import DELIVERY_ID, RECEIVED_MONOTONIC_S
from shop.adapters.redis.client import store_errors
from shop.bootstrap import WorkerServices
from shop.correlation import accepted, correlation_id
from shop.domain.errors import GivenUp, InvalidTask, StoreUnavailable
from shop.domain.work import Delivery, TaskName

M = TypeVar("M", bound=BaseModel)

_SAME_NAMES: Mapping[str, str] = {"": "data"}


class ShopTask(Task):
    """Stamps its start and its end, and reaches the services through its app."""

    abstract = True
    #: Whether the stamp of its start can go with its first step in the store, and what it publishes
    #: with its result. A task that has other things to do is stamped at once.
    begins_in_store = False
    Request = "shop.adapters.celery.request:StampedRequest"

    @property
    def services(self) -> WorkerServices:
        services: WorkerServices = self.app.services()
        return services

    @property
    def delivery_id(self) -> str:
        return str(self.request.get(DELIVERY_ID) or self.request.id)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Until the next task of this thread: Celery's own line on its end belongs to it as well.
        correlation_id.set(accepted(str(self.request.get(CORRELATION_HEADER) or self.request.id)))
        services = self.services
        sharing = services.trips.together() if self.begins_in_store else nullcontext()
        with sharing:
            services.ledger.started(self._delivery())
            failed = True
            try:
                try:
                    _signature(type(self).run).bind(self, *args, **kwargs)
                except TypeError as error:
                    raise InvalidTask(self.name, str(error)) from None
                run = self.run if self.begins_in_store else self._run_unrecorded
                result = run(*args, **kwargs)
                failed = False
                return result
            except Exception as error:
                self._hide_secrets(error)
                raise
            finally:
                # Before the result: who sees that finds every stamp. What the task did stands
                # without it.
                with suppress(StoreUnavailable):
                    services.ledger.finished(
                        self.request.id,
                        failed=failed,
                        has_result=not (self.request.ignore_result or self.ignore_result),
                    )
                    if carrier(self.app) is None:
                        with store_errors():
                            services.trips.flush()

    def _hide_secrets(self, error: Exception) -> None:
        """Before Celery shows it: in the result, in events, and so in `/status` and Flower."""
        mask: Callable[[str], str] = getattr(self.app, "mask", str)

        def clean(part: Any) -> Any:
            if isinstance(part, str):
                return mask(part)
            return part if mask(repr(part)) == repr(part) else mask(repr(part))

        shown = "".join(format_exception(error)) + repr(error.args)
        if mask(shown) == shown:
            return
        error.args = tuple(clean(part) for part in error.args)
        error.__cause__ = error.__context__ = None
        if mask(str(error)) != str(error):
            # An error that makes its text of something else.
            raise RuntimeError(mask(f"{type(error).__name__}: {error}")) from None

    def _run_unrecorded(self, *args: Any, **kwargs: Any) -> Any:
        """For a task without a record in which attempts are counted: one may end its process."""
        ledger, task_id = self.services.ledger, self.request.id
        attempts = ledger.begun(self.name, task_id, self.delivery_id)
        if attempts > self.services.max_attempts:
            raise GivenUp(self.name, self.services.max_attempts)
        try:
            return self.run(*args, **kwargs)
        finally:
            with suppress(StoreUnavailable):
                ledger.ended(task_id)

    def _delivery(self) -> Delivery:
        request = self.request
        received_s = request.get(RECEIVED_MONOTONIC_S)
        stamp = request.get(ENQUEUED_AT_HEADER)
        return Delivery(
            task=self.name,
            task_id=request.id,
            delivery_id=self.delivery_id,
            queue=(request.delivery_info or {}).get("routing_key") or "",
            # Foreign clients may put anything there.
            enqueued_at_ms=stamp if type(stamp) is int else None,
            age_ms=max(0, round((time.monotonic() - received_s) * 1000)) if received_s else 0,
        )


@cache
def _signature(run: Callable[..., Any]) -> Signature:
    return signature(run)


def task(
    app: Celery, name: TaskName, *, begins_in_store: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Register a function as the task `name`, bound to its `ShopTask`; `options` are Celery's."""
    return app.task(  # type: ignore[no-any-return]
        bind=True,
        base=ShopTask,
        name=name.value,
        begins_in_store=begins_in_store,
        # Celery would register it with every other app of this process.
        shared=False,
        **options,
    )


def checked(
    task_name: TaskName, model: type[M], data: Any, *, arguments: Mapping[str, str] = _SAME_NAMES
) -> M:
    """`data` as a valid `model`; raises `InvalidTask`, for which no retry helps.

    `arguments` says what a field is called in the task's signature, if not the same; the empty
    name stands for `data` as a whole.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(
            f"{arguments.get(field, field)}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
            for field in [".".join(map(str, problem["loc"]))]
        )
        raise InvalidTask(task_name, problems) from None
