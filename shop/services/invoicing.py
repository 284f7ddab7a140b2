"""Invoices: one for each processed order, the same bytes however often it is made."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from shop.domain.errors import GivenUp, InvalidTask, OrderNotProcessed
from shop.domain.invoice import Invoice, InvoiceData, InvoiceLine, Party, invoice_number
from shop.domain.order import OrderRecord, OrderStatus, Reason
from shop.domain.ports import InvoiceRenderer, OrderBook, StockRoom
from shop.domain.work import TaskName


class Invoicing:
    """Renders an order's invoice and keeps it with the order."""

    def __init__(
        self,
        orders: OrderBook,
        stock: StockRoom,
        renderer: InvoiceRenderer,
        *,
        seller: Party,
        currency: str,
        timezone: str,
        max_attempts: int,
        tax_rate: Decimal | None = None,
        tax_number: str | None = None,
    ) -> None:
        """`currency` is that of prices by hand, and of orders in whose record there is none."""
        self._orders = orders
        self._stock = stock
        self._renderer = renderer
        self._seller = seller
        self._currency = currency
        self._tax_rate = tax_rate
        self._tax_number = tax_number
        self._zone = ZoneInfo(timezone)
        self._max_attempts = max_attempts

    def generate(self, order_id: str, data: InvoiceData, task_id: str, delivery_id: str) -> bool:
        """Make and keep the invoice; whether it was made now.

        Raises `OrderNotProcessed`, `InvalidTask` if neither a record nor `data` says what was sold,
        and `GivenUp` if there is no record in which that could be noted.
        """
        begun = self._orders.begin_invoice(order_id, task_id, delivery_id)
        match begun.status:
            case "invoiced":
                return False
            case "unknown" if begun.attempts > self._max_attempts:
                raise GivenUp(TaskName.GENERATE_INVOICE, self._max_attempts)
            case "unknown":
                invoice = self._from_data(order_id, data)
            case OrderStatus.PROCESSED if begun.attempts > self._max_attempts:
                self._orders.bury(order_id, Reason.INVOICE_ATTEMPTS_EXHAUSTED)
                return False
            case OrderStatus.PROCESSED:
                if begun.record is None:
                    invoice = self._from_data(order_id, data)
                else:
                    invoice = self._from_record(begun.record, data)
            case status:
                raise OrderNotProcessed(order_id, status)
        return self._orders.store_invoice(order_id, self._renderer.render(invoice))

    def _from_record(self, record: OrderRecord, data: InvoiceData) -> Invoice:
        decided_at_ms = record.processed_at_ms or record.placed_at_ms
        issued_on = datetime.fromtimestamp(decided_at_ms / 1000, UTC).astimezone(self._zone).date()
        line = InvoiceLine(record.item, record.qty, record.unit_price_minor)
        invoice = self._invoice(record.order_id, issued_on, data.customer, record.email, line)
        return replace(
            invoice,
            number=record.invoice_number or invoice.number,
            currency=record.currency or invoice.currency,
        )

    def _from_data(self, order_id: str, data: InvoiceData) -> Invoice:
        if data.item is None or data.qty is None:
            raise InvalidTask(
                TaskName.GENERATE_INVOICE,
                f"there is no order {order_id}, and data lacks item or qty",
            )
        price = self._stock.price(data.item) if data.unit_price is None else data.unit_price
        line = InvoiceLine(data.item, data.qty, price)
        issued_on = data.issued_on or self._stock.today()
        return self._invoice(order_id, issued_on, data.customer, data.email, line)

    def _invoice(
        self,
        order_id: str,
        issued_on: date,
        customer: str | None,
        email: str | None,
        line: InvoiceLine,
    ) -> Invoice:
        known = [text for text in (customer, email) if text]
        return Invoice(
            number=invoice_number(order_id),
            order_id=order_id,
            issued_on=issued_on,
            seller=self._seller,
            customer=Party(known[0] if known else "-", tuple(known[1:])),
            lines=(line,),
            currency=self._currency,
            tax_rate=self._tax_rate,
            tax_number=self._tax_number,
        )
