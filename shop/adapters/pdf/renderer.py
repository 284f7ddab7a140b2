"""An `Invoice` as the bytes of a PDF file."""

import io
from datetime import date
from typing import Any

from reportlab.pdfbase.pdfmetrics import getFont
from reportlab.pdfgen.canvas import Canvas

from shop.adapters.pdf import page as paper
from shop.adapters.pdf.fonts import load_fonts
from shop.adapters.pdf.layout import compose
from shop.adapters.pdf.page import Page
from shop.adapters.pdf.text import runs
from shop.domain.invoice import Invoice

#: Characters of a text that go into the file's properties.
_PROPERTY_LENGTH = 200


class PdfInvoiceRenderer:
    """Draws invoices: any number at once, on any thread, and after a fork."""

    def render(self, invoice: Invoice) -> bytes:
        """A PDF; equal invoices give equal bytes."""
        fonts = load_fonts()
        pages = compose(invoice, fonts)
        # Named so that reportlab does not mention Helvetica, which would not be embedded;
        # its type stubs take this parameter for a number.
        first_font: Any = fonts.regular.name
        file = io.BytesIO()
        # Invariant: reportlab puts no clock and no chance into the file.
        canvas = Canvas(
            file,
            pagesize=(paper.WIDTH_PT, paper.HEIGHT_PT),
            pageCompression=1,
            invariant=True,
            initialFontName=first_font,
            lang="en",
        )
        _describe(canvas, invoice)
        for page in pages:
            _draw(canvas, page)
            canvas.showPage()
        canvas.save()
        return file.getvalue()


def _describe(canvas: Canvas, invoice: Invoice) -> None:
    """Fill in the properties that a viewer shows of the file."""
    canvas.setTitle(_property(f"Invoice {invoice.number}"))
    canvas.setAuthor(_property(invoice.seller.name))
    canvas.setSubject(_property(f"Order {invoice.order_id}"))
    canvas.setCreator("ShopTaskManager")
    created = _pdf_date(invoice.issued_on)
    canvas.setDateFormatter(lambda *_now: created)


def _property(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:_PROPERTY_LENGTH])


def _pdf_date(day: date) -> str:
    return f"D:{day.isoformat().replace('-', '')}000000Z"


def _draw(canvas: Canvas, page: Page) -> None:
    """Write the page's content as it stands in the file, which the canvas does at length."""
    # What it offers asks the same of every word: a third of an invoice's time.
    inner: Any = canvas
    doc, code, escape = inner._doc, inner._code, inner._escape  # noqa: SLF001
    for box in page.boxes:
        code.append(f"{_colour(box.colour)} {_points(*box[:4])} re f")
    code.append("BT")
    style = None
    for op in page.texts:
        if op.style is not style:
            style = op.style
            code.append(_colour(style.colour))
        code.append(f"1 0 0 1 {_points(op.x, op.y)} Tm")
        for name, run in runs(op.line, style.face):
            font: Any = getFont(name)
            for number, codes in font.splitString(run, doc):
                subset = font.getSubsetInternalName(number, doc)
                code.append(f"{subset} {_points(style.size_pt)} Tf ({escape(codes)}) Tj")
    code.append("ET")


def _points(*values: float) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def _colour(colour: paper.Colour) -> str:
    return f"{_points(*colour)} rg"
