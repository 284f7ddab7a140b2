"""The invoices that are timed, as the plain texts that stand on them."""

from dataclasses import dataclass
from datetime import date

#: Rendered for one timing; each differs, so nothing that is kept of one helps the next.
INVOICES_A_RUN = 40

SELLER = "Магазин «Ветер» / Wind Trading"
SELLER_ADDRESS = ("ул. Большая Морская, д. 18", "190000 Санкт-Петербург", "sales@example.com")
CUSTOMER = "Анна Щербакова / Anna Shcherbakova"
CUSTOMER_DETAILS = ("anna.shcherbakova@example.com",)
ITEM = "Чайник со свистком, whistling kettle 2.5 l"
UNIT_PRICE_MINOR = 34_90
CURRENCY = "EUR"
ISSUED_ON = date(2026, 3, 14)


@dataclass(frozen=True, slots=True)
class Specimen:
    """What is different on each invoice."""

    order_id: str
    qty: int

    @property
    def number(self) -> str:
        return f"INV-{self.order_id}"

    @property
    def unit_price(self) -> str:
        return _amount(UNIT_PRICE_MINOR)

    @property
    def total(self) -> str:
        return _amount(self.qty * UNIT_PRICE_MINOR)


def specimen(number: int) -> Specimen:
    return Specimen(order_id=f"A-{number:07d}", qty=number % 9 + 1)


def _amount(minor: int) -> str:
    return f"{minor / 100:.2f} {CURRENCY}"
