"""Is it an invoice?"""

import pytest

from loadtest.users.invoice import Invoice, judge

PDF = {"content-type": "application/pdf"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "invoice"),
    [
        (200, PDF, b"%PDF-1.7 ...", Invoice.THERE),
        (200, PDF, b"<html>", Invoice.NEVER),
        (200, {"content-type": "text/html"}, b"%PDF-1.7", Invoice.NEVER),
        (404, {}, b'{"type": "/problems/invoice-not-ready"}', Invoice.LATER),
        (404, {}, b'{"type": "/problems/order-failed"}', Invoice.NEVER),
        (404, {}, b"not found", Invoice.NEVER),
        (404, {}, b"[]", Invoice.NEVER),
        (503, {}, b"", Invoice.LATER),
        (500, {}, b"", Invoice.NEVER),
    ],
)
def test_what_an_answer_means(
    status: int, headers: dict[str, str], body: bytes, invoice: Invoice
) -> None:
    assert judge(status, headers, body) is invoice
