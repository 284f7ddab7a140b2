"""Takes note of tasks that an operator revokes, with `celery control revoke` or Flower."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from celery import signals
from pydantic import ValidationError

from shop.domain.errors import StoreUnavailable
from shop.domain.order import OrderId
from shop.tasks.base import ShopTask

logger = logging.getLogger(__name__)


def note_revocations() -> None:
    """In a worker's main process, where Celery tells of them."""
    signals.task_revoked.connect(_on_revoked, weak=False, dispatch_uid=__name__)


def _on_revoked(sender: Any, request: Any, expired: bool, **_: Any) -> None:
    # What has expired is not wanted any more by whoever sent it; an order is still owed.
    if expired or not isinstance(sender, ShopTask):
        return
    services = sender.services
    try:
        services.revocation.revoke(sender.name, request.id, _order_id(request.args, request.kwargs))
    except StoreUnavailable as error:
        # The work is still owed, and so is sent again; its id is revoked as long as this worker
        # lives.
        logger.warning("that %s is revoked waits for the store: %s", request.id, error)
        return
    with suppress(StoreUnavailable):
        services.ledger.finished(request.id, failed=True)


def _order_id(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Of a task that is about an order; anybody may have sent it."""
    try:
        return OrderId.model_validate(args[0] if args else kwargs.get("order_id")).root
    except ValidationError:
        return None
