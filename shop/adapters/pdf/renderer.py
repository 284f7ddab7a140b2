"""An `Invoice` as the bytes of a PDF file."""

from datetime import date

from shop.adapters.pdf import page as paper
from shop.adapters.pdf.content import Writer
from shop.adapters.pdf.document import Document
from shop.adapters.pdf.fonts import load_fonts
from shop.adapters.pdf.layout import compose
from shop.domain.invoice import Invoice

#: Characters of a text that go into the file's properties.
_PROPERTY_LENGTH = 200


class PdfInvoiceRenderer:
    """Draws invoices: any number at once, on any thread, and after a fork."""

    def render(self, invoice: Invoice) -> bytes:
        """A PDF; equal invoices give equal bytes."""
        fonts = load_fonts()
        document = Document(paper.WIDTH_PT, paper.HEIGHT_PT, created=_pdf_date(invoice.issued_on))
        document.setTitle(_property(f"Invoice {invoice.number}"))
        document.setAuthor(_property(invoice.seller.name))
        document.setSubject(_property(f"Order {invoice.order_id}"))
        pages = compose(invoice, fonts, document.structure)
        document.place_structure()
        writer = Writer(document, pages)
        for page in pages:
            document.add_page(writer.content(page))
        writer.embed()
        return document.written()


def _property(text: str) -> str:
    text = text[:_PROPERTY_LENGTH]
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def _pdf_date(day: date) -> str:
    return f"D:{day.isoformat().replace('-', '')}000000Z"
