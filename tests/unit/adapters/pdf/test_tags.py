"""What an invoice says of itself to programs that read it aloud or take it apart."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.domain.invoice import Invoice, InvoiceLine, Party
from tests.unit.adapters.pdf.invoices import HOSTILE, INVOICE, reader, text_of, with_text

MANY_PAGES = replace(INVOICE, lines=tuple(InvoiceLine(f"Item-{n}", 1, 100) for n in range(120)))


def catalog_of(invoice: Invoice) -> Any:
    return reader(PdfInvoiceRenderer().render(invoice)).root_object


def elements(part: Any) -> list[Any]:
    """The part and all of those inside it, as they are read."""
    kids = part.get("/K", [])
    found = [part]
    for kid in kids if isinstance(kids, list) else [kids]:
        one = kid.get_object()
        if isinstance(one, dict) and "/S" in one:
            assert one["/P"].get_object() == part
            found += elements(one)
    return found


def kinds(invoice: Invoice) -> list[str]:
    return [str(part["/S"]) for part in elements(catalog_of(invoice)["/StructTreeRoot"])[1:]]


def test_title_language_and_marks_are_named() -> None:
    catalog = catalog_of(INVOICE)
    assert catalog["/MarkInfo"]["/Marked"] == True  # noqa: E712 - a PDF's boolean is no bool
    assert catalog["/Lang"] == "en"
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712 - the same
    assert reader(PdfInvoiceRenderer().render(INVOICE)).metadata.title == "Invoice INV-1001"


def test_its_parts_are_a_heading_paragraphs_and_a_table_with_headings() -> None:
    found = kinds(INVOICE)
    assert found[0] == "/Document"
    assert found.count("/H1") == 1
    table = found[found.index("/Table") :]
    assert table[1:6] == ["/TR", *["/TH"] * 4]
    assert table.count("/TR") == 1 + len(INVOICE.lines)
    assert table.count("/TD") == 4 * len(INVOICE.lines)


def test_each_heading_is_one_of_a_column() -> None:
    for part in elements(catalog_of(INVOICE)["/StructTreeRoot"]):
        if part.get("/S") == "/TH":
            assert part["/A"]["/Scope"] == "/Column"


@pytest.mark.parametrize(
    "invoice", [INVOICE, MANY_PAGES, with_text(HOSTILE["all scripts at once"])]
)
def test_every_text_is_of_a_part_or_decoration(invoice: Invoice) -> None:
    """What is marked and what the structure knows are the same, to and fro."""
    document = reader(PdfInvoiceRenderer().render(invoice))
    root: Any = document.root_object["/StructTreeRoot"]
    by_page = dict(
        zip(root["/ParentTree"]["/Nums"][::2], root["/ParentTree"]["/Nums"][1::2], strict=True)
    )
    all_parts = elements(root)
    for number, page in enumerate(document.pages):
        assert (page["/StructParents"], page["/Tabs"]) == (number, "/S")
        content: Any = page.get_contents()
        begun: list[int | None] = []
        marked: list[int] = []
        for operands, operator in content.operations:
            if operator in (b"BDC", b"BMC"):
                place = None
                if operator == b"BDC" and "/MCID" in operands[1]:
                    place = int(operands[1]["/MCID"])
                    marked.append(place)
                begun.append(place)
            elif operator == b"EMC":
                begun.pop()
            elif operator in (b"Tj", b"TJ", b"f"):
                assert begun, "every text and box is marked"
        assert begun == []
        parts = by_page[number]
        assert marked == list(range(len(parts)))
        assert all(part.get_object() in all_parts for part in parts)


class TestAmounts:
    def test_without_a_price_there_is_no_amount(self) -> None:
        lines = (InvoiceLine("Lamp", 3, None), InvoiceLine("Bulb", 1, 200))
        text = text_of(
            PdfInvoiceRenderer().render(replace(INVOICE, lines=lines, tax_rate=Decimal(19)))
        )
        assert "0.00" not in text.replace("2.00", "")
        assert text.count("no price set") == 2
        assert "Total no price set" in text
        assert "Tax," not in text

    def test_for_nothing_is_an_amount(self) -> None:
        text = text_of(
            PdfInvoiceRenderer().render(replace(INVOICE, lines=(InvoiceLine("A", 1, 0),)))
        )
        assert "Total 0.00 EUR" in text

    def test_tax_is_shown_where_it_is_set(self) -> None:
        invoice = replace(INVOICE, tax_rate=Decimal(19), tax_number="DE 123 456 789")
        text = text_of(PdfInvoiceRenderer().render(invoice))
        assert "Tax number DE 123 456 789" in text
        assert "Net 1 310.67 EUR" in text
        assert "Tax, 19 % 249.03 EUR" in text
        assert "Total 1 559.70 EUR" in text
        assert "Tax" not in text_of(PdfInvoiceRenderer().render(INVOICE))

    @pytest.mark.parametrize(
        ("total", "rate", "tax"),
        [(119, "19", 19), (100, "0", 0), (1, "19", 0), (108, "8.1", 8), (3, "20", 1), (1, "99", 0)],
    )
    def test_tax_is_rounded_to_the_minor_unit(self, total: int, rate: str, tax: int) -> None:
        invoice = replace(
            INVOICE,
            lines=(InvoiceLine("A", 1, total),),
            tax_rate=Decimal(rate),
            seller=Party("S"),
        )
        assert invoice.tax_minor == tax
