"""What the renderer keeps for the next invoice: it has nothing of the last one in it."""

import functools
import hashlib
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase import pdfdoc

from shop.adapters.pdf import PdfInvoiceRenderer, renderer
from shop.adapters.pdf.document import LANGUAGE, Document, TaggedPage, describe
from shop.domain.invoice import Invoice, InvoiceLine, Party
from tests.unit.adapters.pdf.invoices import (
    HOSTILE,
    INVOICE,
    SCRIPTS,
    reader,
    run_python,
    with_text,
)

#: More letters than one subset of a font holds, in both weights.
MANY_LETTERS = "".join(map(chr, range(0xA1, 0x530)))

INVOICES = {
    "plain": INVOICE,
    "no lines": replace(INVOICE, lines=()),
    "thousands": replace(INVOICE, lines=(InvoiceLine("Lamp", 1000, 1_999_990),)),
    "another customer": replace(INVOICE, customer=Party("Борис Щукин", ("boris@example.com",))),
    "another seller": replace(INVOICE, seller=Party("Søren (& Sons) \\ 100 %d %b %%")),
    "another currency": replace(INVOICE, currency="JPY"),
    "ten pages": replace(
        INVOICE, lines=tuple(InvoiceLine(f"Item-{number}", 1, 100) for number in range(230))
    ),
    "33 pages": replace(
        INVOICE, lines=tuple(InvoiceLine(f"Товар-{number}", 1, 100) for number in range(760))
    ),
    "many letters": with_text(MANY_LETTERS),
    "many letters, turned round": with_text(MANY_LETTERS[::-1]),
    **{script: with_text(texts[0]) for script, texts in SCRIPTS.items()},
    **{name: with_text(text) for name, text in HOSTILE.items()},
}


class StructurePart(pdfdoc.PDFObject):
    """One of the structure's parts, as a part of reportlab's."""

    __RefOnly__ = 1

    def __init__(self, place: int) -> None:
        self._place = place

    def format(self, document: "PlainDocument") -> bytes:
        return document.parts_of_structure[self._place]


class PlainDocument(Document):
    """The same document, all of it written by reportlab as it does for a canvas."""

    def __init__(self, width_pt: float, height_pt: float, *, created: str) -> None:
        super().__init__(width_pt, height_pt, created=created)
        self.size_pt = (width_pt, height_pt)
        info: Any = pdfdoc.PDFInfo()
        info.creator, info._dateFormatter = "ShopTaskManager", lambda *_now: created
        catalog: Any = pdfdoc.PDFCatalog()
        pages = pdfdoc.PDFPages()
        catalog.Pages, catalog.Lang = pages, pdfdoc.PDFString(LANGUAGE)
        catalog.Outlines = self.Outlines
        self.info, self.Catalog, self.Pages = info, catalog, pages

    @functools.cached_property
    def parts_of_structure(self) -> tuple[bytes, ...]:
        return self.structure_written()

    def place_structure(self) -> None:
        for place in range(1 + len(self.structure.elements)):
            part = StructurePart(place)
            self.number_of(part)
            if place == 0:
                self.first_of_structure = self.number_of(part)
                describe(self.Catalog, part)

    def add_page(self, content: str) -> None:
        page: Any = TaggedPage(len(self.Pages.pages))
        page.pagewidth, page.pageheight = self.size_pt
        page.Rotate, page.hasImages, page.ExtGState, page._shadingUsed = 0, True, None, {}
        page.setPageTransition(None)
        page.setCompression(1)
        page.setStream(content)
        self.addPage(page)

    def format(self) -> bytes:
        file: bytes = pdfdoc.PDFDocument.format(self)
        return file


def by_reportlab(invoice: Invoice) -> bytes:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(renderer, "Document", PlainDocument)
        return PdfInvoiceRenderer().render(invoice)


def digest(invoice: Invoice) -> str:
    return hashlib.sha256(PdfInvoiceRenderer().render(invoice)).hexdigest()


@pytest.mark.parametrize("name", INVOICES)
def test_the_file_is_the_one_that_reportlab_writes_without_anything_kept(name: str) -> None:
    invoice = INVOICES[name]

    assert PdfInvoiceRenderer().render(invoice) == by_reportlab(invoice)


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=()), max_size=120))
def test_so_it_is_with_any_text(text: str) -> None:
    invoice = with_text(text)

    assert PdfInvoiceRenderer().render(invoice) == by_reportlab(invoice)


def test_what_came_before_leaves_no_trace() -> None:
    names = list(INVOICES)
    code = (
        "from tests.unit.adapters.pdf.test_kept import INVOICES, digest\n"
        "print(digest(INVOICES[{name!r}]))"
    )
    fresh = {
        name: run_python(code.format(name=name))
        for name in ("plain", "another customer", "many letters", "arabic and latin")
    }
    first = {name: digest(INVOICES[name]) for name in names}
    assert fresh.items() <= first.items()

    order = names * 3
    random.Random(20261123).shuffle(order)

    assert [digest(INVOICES[name]) for name in order] == [first[name] for name in order]
    assert first["plain"] != first["another customer"] != first["another seller"]


def test_properties_may_have_any_sign_in_them() -> None:
    name = "(Søren \\ 100 %d %b %%) Щ"
    document = reader(
        PdfInvoiceRenderer().render(
            replace(INVOICE, number="(1\\)%b", order_id="é)%", seller=Party(name))
        )
    )
    metadata = document.metadata
    assert metadata is not None
    assert metadata.title == "Invoice (1\\)%b"
    assert metadata.author == name
    assert metadata.subject == "Order é)%"
    assert metadata.creator == "ShopTaskManager"
    assert metadata.modification_date == metadata.creation_date
