"""Orders: what a valid one is, what it can become, and what the customer is told."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from shop.domain.email import Email
from shop.domain.work import TaskName

#: 1 to 64 of these, not starting with a dot: safe in a Redis key, a URL and a file name.
IDENTIFIER_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"
MAX_QTY = 10_000


def _digits_of_number(value: Any) -> Any:
    """A whole number is taken as its digits; `True` is no number."""
    return str(value) if type(value) is int else value


_IDENTIFIER_TEXT = Field(strict=True, pattern=IDENTIFIER_PATTERN, min_length=1, max_length=64)
#: A sign takes the place of a digit.
_IDENTIFIER_NUMBER = Field(ge=1 - 10**63, le=10**64 - 1)
Identifier = Annotated[
    str,
    # First, so that it bounds the text and not what a wrapping validator makes of it.
    _IDENTIFIER_TEXT,
    BeforeValidator(
        _digits_of_number,
        json_schema_input_type=Annotated[str, _IDENTIFIER_TEXT]
        | Annotated[int, _IDENTIFIER_NUMBER],
    ),
]
Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QTY)]


class OrderId(RootModel[Identifier]):
    """An order's id alone."""


class Order(BaseModel):
    """A customer's order, valid by construction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Identifier = Field(description="The customer's own id for this order.", examples=["1001"])
    item: Identifier = Field(description="The SKU of the item.", examples=["SKU-1"])
    qty: Quantity = Field(description="How many of it.", examples=[2])
    email: Email = Field(
        description="Where the customer hears of the order.", examples=["ann@example.com"]
    )


class OrderStatus(StrEnum):
    """Where an order stands."""

    #: Accepted, and owed its processing.
    PENDING = "pending"
    #: The stock is taken; the invoice is owed or made.
    PROCESSED = "processed"
    #: Will not be processed; `reason` says why.
    FAILED = "failed"


class Reason(StrEnum):
    """Why an order failed or was given up."""

    UNKNOWN_ITEM = "unknown_item"
    OUT_OF_STOCK = "out_of_stock"
    #: The item has no price, and the shop is set to sell nothing without one.
    NO_PRICE = "no_price"
    #: Its task was begun too often without coming to an end.
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    #: The order is processed, but its invoice could not be made.
    INVOICE_ATTEMPTS_EXHAUSTED = "invoice_attempts_exhausted"
    #: An operator revoked its task, or the one that was to make its invoice.
    REVOKED = "revoked"


#: Why a processed order will have no invoice.
NO_INVOICE_REASONS = frozenset({Reason.INVOICE_ATTEMPTS_EXHAUSTED, Reason.REVOKED})


class Priceless(StrEnum):
    """What becomes of an order for an item that has no price."""

    #: It is processed; its invoice says that no price was set.
    SELL = "sell"
    #: It fails.
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms the shop sells, as it is set up now."""

    #: ISO 4217 code of every price.
    currency: str = "EUR"
    priceless: Priceless = Priceless.SELL
    #: In which a year begins, with numbers of invoices that begin anew.
    timezone: str = "UTC"


USUAL_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order as it is stored."""

    order_id: str
    item: str
    qty: int
    email: str
    task_id: str
    status: OrderStatus
    placed_at_ms: int
    processed_at_ms: int | None = None
    reason: str | None = None
    attempts: int = 0
    #: None: not processed yet, or the item had no price.
    unit_price_minor: int | None = None
    #: Of the unit price, as it was when the order was placed; None in records of older versions.
    currency: str | None = None
    #: Set once it is processed: the next in the year's sequence.
    invoice_number: str | None = None
    #: The id of its `generate_invoice` task, once it is processed.
    invoice_task_id: str | None = None
    has_invoice: bool = False
    #: Celery's id of `process_order` after a revocation, for workers drop the revoked id. What the
    #: customer was given stays `task_id`.
    message_id: str | None = None

    @property
    def owed(self) -> TaskName | None:
        """The task that is still to be done for this order, if any."""
        if self.status is OrderStatus.PENDING:
            return TaskName.PROCESS_ORDER
        if self.status is OrderStatus.PROCESSED and not self.has_invoice:
            return TaskName.GENERATE_INVOICE
        return None


@dataclass(frozen=True, slots=True)
class Placement:
    """The answer to a placed order."""

    task_id: str
    #: False when the same order had been placed before.
    created: bool
    status: OrderStatus
    enqueued_at_ms: int


@dataclass(frozen=True, slots=True)
class Notices:
    """What the customer is told, for each way that processing can end."""

    processed: str
    unknown_item: str
    out_of_stock: str
    no_price: str

    def for_outcome(self, status: OrderStatus, reason: str | None) -> str:
        """The message that fits how an order's processing ended."""
        if status is OrderStatus.PROCESSED:
            return self.processed
        if reason == Reason.NO_PRICE:
            return self.no_price
        return self.unknown_item if reason == Reason.UNKNOWN_ITEM else self.out_of_stock


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Ids for the tasks that an order's processing gives rise to.

    Drawn before the transition and recorded with it, so that a repeated delivery and the
    sweep send the same tasks again, not new ones.
    """

    invoice_task_id: str
    #: None when customers are not notified of their orders.
    notification_task_id: str | None
    notices: Notices


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an order's processing ended, now or in an earlier delivery, and what is still owed."""

    status: OrderStatus
    reason: str | None
    #: By the store's clock, now.
    at_ms: int
    processed_at_ms: int
    #: None: the item had no price, or the order failed.
    unit_price_minor: int | None
    #: Set while the invoice is owed.
    invoice_task_id: str | None
    #: Set while the customer's notification is owed.
    notification_task_id: str | None


@dataclass(frozen=True, slots=True)
class Begun:
    """What the store knew of a piece of work when a delivery of it began."""

    status: str
    #: Deliveries begun so far, this one included.
    attempts: int
    #: The order as it stood, where the piece of work is its invoice.
    record: OrderRecord | None = field(default=None, compare=False)

    def is_exhausted(self, max_attempts: int) -> bool:
        """Whether an order that is still to be processed was tried too often."""
        return self.status == OrderStatus.PENDING and self.attempts > max_attempts


def order_notices(order: Order) -> Notices:
    """The customer's messages about `order`."""
    what = f"{order.qty} x {order.item}"
    return Notices(
        processed=f"Your order {order.id} ({what}) is on its way. The invoice is ready soon.",
        unknown_item=f"Your order {order.id} failed: we do not sell {order.item}.",
        out_of_stock=f"Your order {order.id} failed: we do not have {what} in stock.",
        no_price=f"Your order {order.id} failed: {order.item} has no price yet.",
    )
