"""What stands on an invoice; how it is drawn is the PDF adapter's business."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shop.domain.email import Email
from shop.domain.money import MAX_MINOR

#: A text that is printed on an invoice: any script, and long enough for any honest name.
PrintedText = Annotated[str, Field(min_length=1, max_length=10_000)]


class InvoiceData(BaseModel):
    """The `data` of a `generate_invoice` task.

    What the order's record says wins over it; without a record, `item` and `qty` are needed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    item: PrintedText | None = None
    qty: Annotated[int, Field(strict=True, ge=1, le=10**9)] | None = None
    email: Email | None = None
    #: The customer's name; default: the e-mail address.
    customer: PrintedText | None = None
    #: Minor units of the currency.
    unit_price: Annotated[int, Field(strict=True, ge=0, le=MAX_MINOR)] | None = None
    #: Default: the day by the store's clock.
    issued_on: date | None = Field(default=None, alias="date")


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody named on an invoice; every text may be in any script and of any length."""

    name: str
    #: Address, tax number, e-mail: printed below the name, a line each.
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One item sold."""

    description: str
    qty: int
    unit_price_minor: int

    @property
    def total_minor(self) -> int:
        return self.qty * self.unit_price_minor


@dataclass(frozen=True, slots=True)
class Invoice:
    """A whole invoice; equal invoices give equal PDF bytes."""

    number: str
    order_id: str
    issued_on: date
    seller: Party
    customer: Party
    lines: tuple[InvoiceLine, ...]
    #: ISO 4217 code, upper case.
    currency: str

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines)


def invoice_number(order_id: str) -> str:
    """The invoice's number: one order, one invoice, so the order's id is in it."""
    return f"INV-{order_id}"
