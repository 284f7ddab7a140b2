"""What stands on an invoice, and what is cut short."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.adapters.pdf.bidi import levels
from shop.adapters.pdf.fonts import load_fonts
from shop.adapters.pdf.text import shorten, width_pt, wrap
from shop.domain.invoice import InvoiceLine, Party
from tests.unit.adapters.pdf.invoices import (
    HOSTILE,
    INVOICE,
    check_pages,
    pages_of,
    reader,
    reads,
    text_of,
    with_text,
)


class TestContent:
    def test_says_who_sold_what_to_whom_and_for_how_much(self) -> None:
        text = text_of(PdfInvoiceRenderer().render(INVOICE))
        for fact in (
            *("INVOICE", "INV-1001", "2026-11-23", "1001"),
            *("Lampenhaus GmbH", "Lindenstraße 12, Berlin", "VAT DE 123 456 789"),
            *("Anna Petrova", "anna@example.com"),
            *("Desk lamp, oak", "3 19.90 EUR 59.70 EUR"),
            *("SKU-7", "1 000 1.50 EUR 1 500.00 EUR"),
            *("Total 1 559.70 EUR", "Page 1 of 1"),
        ):
            assert fact in text

    def test_describes_the_file_to_viewers(self) -> None:
        seller = Party("ООО «Лампа»")
        document = reader(PdfInvoiceRenderer().render(replace(INVOICE, seller=seller)))
        metadata = document.metadata
        assert metadata is not None
        assert metadata.title == "Invoice INV-1001"
        assert metadata.author == "ООО «Лампа»"
        assert metadata.creation_date is not None
        assert metadata.creation_date.date() == INVOICE.issued_on
        assert str(document.root_object["/Lang"]) == "en"

    def test_brings_every_font_with_it(self) -> None:
        document = reader(PdfInvoiceRenderer().render(with_text("Ab Яб 字")))
        resources: Any = document.pages[0]["/Resources"]
        fonts = resources["/Font"]
        names = {font.get_object()["/BaseFont"] for font in fonts.values()}
        assert len(names) == 4  # two weights of two fonts
        for font in fonts.values():
            (one,) = font.get_object().get("/DescendantFonts", [font])
            files = {"/FontFile2", "/FontFile3"} & one.get_object()["/FontDescriptor"].keys()
            assert len(files) == 1

    def test_an_invoice_without_lines_is_still_one(self) -> None:
        text = text_of(PdfInvoiceRenderer().render(replace(INVOICE, lines=())))
        assert "Total 0.00 EUR" in text


class TestHostileText:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_is_drawn_inside_the_page(self, name: str) -> None:
        invoice = with_text(HOSTILE[name])
        check_pages(pages_of(invoice))
        pdf = PdfInvoiceRenderer().render(invoice)
        assert "59.70 EUR" in text_of(pdf)

    @settings(max_examples=60, deadline=None)
    @given(text=st.text(st.characters(exclude_categories=()), max_size=120))
    def test_any_text_is_drawn_inside_the_page(self, text: str) -> None:
        invoice = with_text(text)
        check_pages(pages_of(invoice))
        assert PdfInvoiceRenderer().render(invoice).endswith(b"%%EOF\n")

    def test_brackets_without_end_take_no_time_without_end(self) -> None:
        # 100 000 pairs, each looked at once: a quadratic search would take hours.
        text = "א" + "(b)" * 100_000
        base_level, char_levels = levels(text)
        assert base_level == 1
        assert len(char_levels) == len(text)


class TestLongText:
    def test_runs_over_to_further_pages(self) -> None:
        words = [f"слово{number}" for number in range(2500)]
        invoice = replace(
            INVOICE, lines=(InvoiceLine(" ".join(words), 1, 100), InvoiceLine("Last", 2, 5))
        )
        pdf = PdfInvoiceRenderer().render(invoice)
        pages = reader(pdf).pages
        assert len(pages) > 3
        check_pages(pages_of(invoice))
        texts = [page.extract_text() for page in pages]
        assert [word for text in texts for word in text.split() if word in set(words)] == words
        for number, text in enumerate(texts, start=1):
            assert f"Page {number} of {len(pages)}" in text
            assert "Unit price" in text  # the table's head is on every page
        assert "Last" in texts[-1]
        assert "Total 1.10 EUR" in texts[-1]

    def test_words_without_spaces_are_cut_and_kept_whole(self) -> None:
        word = "".join(chr(ord("а") + number % 32) for number in range(6000))
        pages = pages_of(replace(INVOICE, lines=(InvoiceLine(word, 1, 1),)))
        assert len(pages) > 1
        check_pages(pages)
        lines = [reads(op.line) for page in pages for op in page.texts]
        assert "".join(line for line in lines if set(line) <= set(word)) == word

    def test_names_and_addresses_may_be_long_too(self) -> None:
        party = Party("Имя " * 400, tuple(f"Line {number}" for number in range(150)))
        invoice = replace(INVOICE, seller=party, customer=party, number="9" * 900)
        pages = pages_of(invoice)
        check_pages(pages)
        lines = [reads(op.line) for page in pages for op in page.texts]
        assert lines.count("Line 149") == 2
        assert sum(line.count("9") for line in lines if set(line) == {"9"}) == 900

    def test_many_lines_are_all_there(self) -> None:
        lines = tuple(InvoiceLine(f"Item-{number}", 1, 100) for number in range(200))
        text = text_of(PdfInvoiceRenderer().render(replace(INVOICE, lines=lines)))
        assert [word for word in text.split() if word.startswith("Item-")] == [
            line.description for line in lines
        ]
        assert "Total 200.00 EUR" in text

    def test_enormous_amounts_stay_in_their_columns(self) -> None:
        line = InvoiceLine("Yacht", 10**12, 10**20)
        check_pages(pages_of(replace(INVOICE, lines=(line,), currency="JPY")))

    def test_a_line_ends_at_a_space_or_a_hyphen_where_there_is_one(self) -> None:
        face = load_fonts().regular
        room = width_pt("abcdefghij", face, 10)
        assert wrap("abc def ghij", face, 10, room).lines == ["abc def", "ghij"]
        assert wrap("abcdef-ghijkl", face, 10, room).lines == ["abcdef-", "ghijkl"]

    def test_a_shortened_line_says_so(self) -> None:
        face = load_fonts().regular
        room = width_pt("abcdef", face, 10)
        assert shorten("abcdef", face, 10, room) == "abcdef"
        short = shorten("abcdefghi", face, 10, room)
        assert short.endswith("…")
        assert "abcdefghi".startswith(short[:-1])
        assert width_pt(short, face, 10) <= room
