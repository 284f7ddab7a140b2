"""An invoice as people draw it: a bare reportlab canvas, every text at a place of its own.

The same text in the same two embedded fonts as the shop's, nothing measured but what is set flush
right, and no rules or bands. `python -m loadtest.baselines.canvas_invoice`; see
`testing.timings.protocol` for what it reads and writes.
"""

import io
import itertools
import time

from pymupdf_fonts import fontbuffers
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from testing.timings import specimen
from testing.timings.protocol import serve
from testing.timings.specimen import INVOICES_A_RUN, Specimen

REGULAR, BOLD = "Noto", "Noto-Bold"
LEFT, RIGHT = 52, 543


def register_fonts() -> None:
    """Once for a process."""
    pdfmetrics.registerFont(
        TTFont(REGULAR, io.BytesIO(fontbuffers["notos"]()), asciiReadable=False)
    )
    pdfmetrics.registerFont(TTFont(BOLD, io.BytesIO(fontbuffers["notosbo"]()), asciiReadable=False))


def draw(one: Specimen) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, pageCompression=1)
    canvas.setTitle(f"Invoice {one.number}")

    canvas.setFont(BOLD, 14)
    canvas.drawString(LEFT, 763, specimen.SELLER)
    canvas.setFont(REGULAR, 9)
    for row, line in enumerate(specimen.SELLER_ADDRESS):
        canvas.drawString(LEFT, 745 - 13.5 * row, line)

    canvas.setFont(BOLD, 22)
    canvas.drawRightString(RIGHT, 763, "INVOICE")
    facts = (
        ("Invoice number", one.number),
        ("Date of issue", specimen.ISSUED_ON.isoformat()),
        ("Order", one.order_id),
        ("Currency", specimen.CURRENCY),
    )
    for row, (label, value) in enumerate(facts):
        canvas.setFont(REGULAR, 9)
        canvas.drawString(347, 739 - 16 * row, label)
        canvas.setFont(REGULAR, 9.5)
        canvas.drawRightString(RIGHT, 739 - 16 * row, value)

    canvas.setFont(BOLD, 7.5)
    canvas.drawString(LEFT, 650, "BILL TO")
    canvas.setFont(BOLD, 11)
    canvas.drawString(LEFT, 634, specimen.CUSTOMER)
    canvas.setFont(REGULAR, 9)
    for row, line in enumerate(specimen.CUSTOMER_DETAILS):
        canvas.drawString(LEFT, 618 - 13.5 * row, line)

    canvas.setFont(BOLD, 7.5)
    canvas.drawString(62, 570, "Item")
    canvas.drawRightString(345, 570, "Quantity")
    canvas.drawRightString(435, 570, "Unit price")
    canvas.drawRightString(533, 570, "Amount")
    canvas.setFont(REGULAR, 9.5)
    canvas.drawString(62, 546, specimen.ITEM)
    canvas.drawRightString(345, 546, str(one.qty))
    canvas.drawRightString(435, 546, one.unit_price)
    canvas.setFont(BOLD, 9.5)
    canvas.drawRightString(533, 546, one.total)
    canvas.setFont(BOLD, 13)
    canvas.drawString(313, 505, "Total")
    canvas.drawRightString(533, 505, one.total)

    canvas.setFont(REGULAR, 7.5)
    canvas.drawString(LEFT, 38, f"{specimen.SELLER} · Invoice {one.number}")
    canvas.drawRightString(RIGHT, 38, "Page 1 of 1")
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def main() -> None:
    register_fonts()
    numbers = itertools.count()

    def run() -> float:
        ones = [specimen.specimen(number) for number in itertools.islice(numbers, INVOICES_A_RUN)]
        started_s = time.perf_counter()
        for one in ones:
            draw(one)
        return (time.perf_counter() - started_s) / INVOICES_A_RUN

    run()
    serve(run)


if __name__ == "__main__":
    main()
