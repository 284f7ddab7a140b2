"""Invoices in the letters and the directions of the world's scripts."""

from dataclasses import replace

import pytest

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.adapters.pdf.bidi import levels, visual
from shop.adapters.pdf.fonts import REPLACEMENT, load_fonts
from shop.adapters.pdf.layout import compose
from shop.adapters.pdf.text import drawable, width_pt, wrap
from shop.domain.invoice import InvoiceLine
from tests.unit.adapters.pdf.invoices import (
    HOSTILE,
    INVOICE,
    SCRIPTS,
    check_pages,
    text_of,
    with_text,
)


class TestScripts:
    @pytest.mark.parametrize("script", SCRIPTS)
    def test_letters_are_drawn_as_themselves(self, script: str) -> None:
        fonts = load_fonts()
        for text in SCRIPTS[script]:
            assert REPLACEMENT not in drawable(text, fonts)
            check_pages(compose(with_text(text), fonts))

    @pytest.mark.parametrize("script", ["latin", "vietnamese", "greek", "cyrillic", "kazakh"])
    def test_text_can_be_copied_out_of_the_file(self, script: str) -> None:
        for text in SCRIPTS[script]:
            assert text in text_of(PdfInvoiceRenderer().render(with_text(text)))

    def test_decomposed_letters_are_composed(self) -> None:
        decomposed = "И\u0306од Е\u0308лка Zoe\u0308"
        assert drawable(decomposed, load_fonts()) == "Йод Ёлка Zoë"

    def test_compatible_forms_stand_in_for_those_not_covered(self) -> None:
        assert drawable("Ｎｏ．１ \U0001d400\u3000①", load_fonts()) == "No.1 A 1"

    def test_what_no_font_covers_is_seen_to_be_missing(self) -> None:
        text = text_of(PdfInvoiceRenderer().render(with_text("Li 李 \U0001f600\x00!")))
        assert f"Li {REPLACEMENT} {REPLACEMENT}{REPLACEMENT}!" in text

    def test_characters_without_a_picture_leave_none(self) -> None:
        assert drawable("a\u200bb\u00adc\u202ed\ufe0f\ufeff", load_fonts()) == "abcd"

    def test_markup_is_text(self) -> None:
        assert HOSTILE["markup"][:20] in text_of(
            PdfInvoiceRenderer().render(with_text(HOSTILE["markup"]))
        )


class TestRightToLeft:
    @staticmethod
    def shown(text: str) -> str:
        base_level, char_levels = levels(text)
        return visual(text, char_levels, base_level)

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("שלום", "םולש"),
            ("abc שלום def", "abc םולש def"),
            ("שלום 12/34, (HP) 15", "15 (HP) ,12/34 םולש"),
            ("אב (HP) 15 גד", "דג 15 (HP) בא"),
            ("אב (גד) <הו>", "<וה> (דג) בא"),
            ("abc (אב) 12", "abc (בא) 12"),
            ("price 5 ₪ שלום", "price 5 ₪ םולש"),
            ("א[b]ג", "ג[b]א"),
            ("", ""),
        ],
    )
    def test_numbers_and_brackets_keep_their_sense(self, written: str, shown: str) -> None:
        assert self.shown(written) == shown

    @pytest.mark.parametrize(("depth", "closing_level"), [(63, 1), (64, 2)])
    def test_pairs_are_followed_as_deep_as_the_standard_says(
        self, depth: int, closing_level: int
    ) -> None:
        text = "א" + "(" * depth + "b" + ")" * depth + "c"
        _base_level, char_levels = levels(text)
        assert char_levels[-2] == closing_level

    def test_arabic_letters_join(self) -> None:
        # Beh in its initial, medial and final form, then one that stands alone.
        assert drawable("ببب ب", load_fonts()) == "\ufe91\ufe92\ufe90 ب"

    def test_vowel_points_are_left_out_and_letters_kept(self) -> None:
        assert drawable(HOSTILE["hebrew with points"], load_fonts()) == "שלום עליכם"

    def test_lines_are_cut_in_reading_order(self) -> None:
        face = load_fonts().regular
        lines = wrap("אאא בבב גגג", face, 10, width_pt("אאא בבב", face, 10) + 1)
        assert lines == (["בבב אאא", "גגג"], True)

    def test_a_wrapped_paragraph_begins_at_its_right_edge(self) -> None:
        invoice = replace(INVOICE, lines=(InvoiceLine("שלום " + "עולםש אש " * 30, 1, 1),))
        (page,) = compose(invoice, load_fonts())
        lines = [op for op in page.texts if "ש" in op.line]
        assert len(lines) > 2
        ends = {round(op.x + width_pt(op.line, op.style.face, op.style.size_pt)) for op in lines}
        assert len(ends) == 1
        assert len({op.x for op in lines}) > 1
