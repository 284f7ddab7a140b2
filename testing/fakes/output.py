"""What the tasks work with besides the store: `Mailer`, `InvoiceRenderer` and `Warehouse`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from shop.domain.errors import DeliveryFailed
from shop.domain.invoice import Invoice
from shop.domain.notification import Mail
from shop.domain.order import Order


@dataclass
class FakeMailer:
    """Keeps what was delivered."""

    delivered: list[Mail] = field(default_factory=list)
    #: Set: every delivery fails with this.
    failure: DeliveryFailed | None = None
    #: Called while a delivery is under way.
    meanwhile: Callable[[], object] = lambda: None
    lease_s: float = 0.0
    #: The server's reply to what it takes.
    code: int | None = 250

    def deliver(self, mail: Mail) -> int | None:
        self.meanwhile()
        if self.failure is not None:
            raise self.failure
        self.delivered.append(mail)
        return self.code


@dataclass
class FakeInvoiceRenderer:
    """Keeps what was drawn; equal invoices give equal bytes."""

    invoices: list[Invoice] = field(default_factory=list)

    def render(self, invoice: Invoice) -> bytes:
        self.invoices.append(invoice)
        return b"%PDF-fake\n" + repr(invoice).encode()


@dataclass
class FakeWarehouse:
    """Keeps what was prepared; every order is ready at once."""

    prepared: list[Order] = field(default_factory=list)
    max_preparation_s: float = 0.0

    def prepare(self, order: Order) -> None:
        self.prepared.append(order)
