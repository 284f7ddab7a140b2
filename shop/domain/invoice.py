"""What stands on an invoice; how it is drawn is the PDF adapter's business."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
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
    #: None: no price was set, which is not the same as for nothing.
    unit_price_minor: int | None

    @property
    def total_minor(self) -> int | None:
        return None if self.unit_price_minor is None else self.qty * self.unit_price_minor


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
    #: Percent that prices include; None: nothing is said of tax.
    tax_rate: Decimal | None = None
    #: The seller's number with the tax office.
    tax_number: str | None = None

    @property
    def total_minor(self) -> int | None:
        """What is to be paid, tax included; None if a line has no price."""
        totals = [line.total_minor for line in self.lines]
        known = [total for total in totals if total is not None]
        return sum(known) if len(known) == len(totals) else None

    @property
    def tax_minor(self) -> int | None:
        """The tax in the total, rounded to the minor unit, halves up."""
        total = self.total_minor
        if total is None or self.tax_rate is None:
            return None
        tax = total * self.tax_rate / (100 + self.tax_rate)
        return int(tax.quantize(Decimal(1), ROUND_HALF_UP))


_LIKE_NUMBERED = re.compile(r"[0-9]{4,}-[0-9]{6,}")


def numbered(year: int, count: int) -> str:
    """The number of the year's `count`-th invoice: none is left out, and none is used twice."""
    return f"INV-{year}-{count:06d}"


def invoice_number(order_id: str) -> str:
    """The number of an invoice outside the sequence, for which nobody placed an order."""
    # No order's id begins with a dot: this is nobody else's number.
    return f"INV-.{order_id}" if _LIKE_NUMBERED.fullmatch(order_id) else f"INV-{order_id}"
