"""Rendering invoices: what the invoice task does between its two calls of the store."""

import itertools
import time
from collections.abc import Callable

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.domain.invoice import Invoice, InvoiceLine, Party
from testing.timings import specimen
from testing.timings.specimen import INVOICES_A_RUN, Specimen


def timing() -> Callable[[], float]:
    """What renders a run's invoices, and returns the seconds for one; fonts are loaded before."""
    renderer = PdfInvoiceRenderer()
    numbers = itertools.count()

    def run() -> float:
        invoices = [
            as_invoice(specimen.specimen(number))
            for number in itertools.islice(numbers, INVOICES_A_RUN)
        ]
        started_s = time.perf_counter()
        for invoice in invoices:
            renderer.render(invoice)
        return (time.perf_counter() - started_s) / INVOICES_A_RUN

    run()
    return run


def as_invoice(one: Specimen) -> Invoice:
    return Invoice(
        number=one.number,
        order_id=one.order_id,
        issued_on=specimen.ISSUED_ON,
        seller=Party(specimen.SELLER, specimen.SELLER_ADDRESS),
        customer=Party(specimen.CUSTOMER, specimen.CUSTOMER_DETAILS),
        lines=(InvoiceLine(specimen.ITEM, one.qty, specimen.UNIT_PRICE_MINOR),),
        currency=specimen.CURRENCY,
    )
