"""Invoices in the letters and the directions of the world's scripts."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.adapters.pdf.bidi import levels, mirrored, visual
from shop.adapters.pdf.fonts import REPLACEMENT, load_fonts
from shop.adapters.pdf.shaping import Run
from shop.adapters.pdf.text import ShapedLine, drawable, width_pt, wrap
from shop.domain.invoice import InvoiceLine
from tests.unit.adapters.pdf.invoices import (
    HOSTILE,
    INVOICE,
    SCRIPTS,
    check_pages,
    pages_of,
    reads,
    text_of,
    with_text,
)

NEEDS_POPPLER = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext (Debian: poppler-utils) is not installed"
)


def line_of(text: str) -> ShapedLine:
    """`text` on one line, set by HarfBuzz."""
    fonts = load_fonts()
    (line,) = wrap(drawable(text, fonts), fonts.regular, 10, 10_000).lines
    assert isinstance(line, ShapedLine)
    return line


def glyphs_of(text: str) -> list[int]:
    return [
        glyph.number
        for part in line_of(text).parts
        if isinstance(part, Run)
        for glyph in part.glyphs
    ]


class TestScripts:
    @pytest.mark.parametrize("script", SCRIPTS)
    def test_letters_are_drawn_as_themselves(self, script: str) -> None:
        fonts = load_fonts()
        for text in SCRIPTS[script]:
            assert REPLACEMENT not in drawable(text, fonts)
            check_pages(pages_of(with_text(text)))

    @pytest.mark.parametrize("script", ["latin", "vietnamese", "greek", "cyrillic", "kazakh"])
    def test_text_can_be_copied_out_of_the_file(self, script: str) -> None:
        for text in SCRIPTS[script]:
            assert text in text_of(PdfInvoiceRenderer().render(with_text(text)))

    def test_decomposed_letters_are_composed(self) -> None:
        decomposed = "И\u0306од Е\u0308лка Zoe\u0308"
        assert drawable(decomposed, load_fonts()) == "Йод Ёлка Zoë"

    @NEEDS_POPPLER
    @pytest.mark.parametrize("script", SCRIPTS)
    def test_shaped_text_can_be_copied_too(self, script: str, tmp_path: Path) -> None:
        file = tmp_path / "invoice.pdf"
        for text in SCRIPTS[script]:
            file.write_bytes(PdfInvoiceRenderer().render(with_text(text)))
            copied = subprocess.run(
                ["pdftotext", str(file), "-"], capture_output=True, timeout=60, check=True
            ).stdout.decode()
            # Marks of direction are pdftotext's own, and it guesses spaces from gaps.
            left_out = {*map(chr, (0x202A, 0x202B, 0x202C)), " "}
            assert text.replace(" ", "") in "".join(char for char in copied if char not in left_out)

    def test_compatible_forms_stand_in_for_those_not_covered(self) -> None:
        assert drawable("\U0001d400\U0001d7d9 \u2460", load_fonts()) == "A1 \u2460"

    def test_what_no_font_covers_is_seen_to_be_missing(self) -> None:
        text = text_of(PdfInvoiceRenderer().render(with_text("Li \U00013000 \U00013001\x00!")))
        assert f"Li {REPLACEMENT} {REPLACEMENT}{REPLACEMENT}!" in text

    def test_characters_without_a_picture_leave_none(self) -> None:
        assert drawable("a\u200bb\u00adc\u202ed\ufe0f\ufeff", load_fonts()) == "abcd"

    def test_joiners_are_kept_where_they_say_something(self) -> None:
        fonts = load_fonts()
        assert drawable("می\u200cخواهم क्\u200dष", fonts) == "می\u200cخواهم क्\u200dष"
        assert drawable("a\u200cb \u200dक \u200d", fonts) == "ab क "
        # With the one the letters part, and with the other they do not melt into one.
        assert glyphs_of("می\u200cخواهم") != glyphs_of("میخواهم")
        assert glyphs_of("क्\u200dष") != glyphs_of("क्ष")

    def test_markup_is_text(self) -> None:
        assert HOSTILE["markup"][:20] in text_of(
            PdfInvoiceRenderer().render(with_text(HOSTILE["markup"]))
        )


class TestRightToLeft:
    @staticmethod
    def shown(text: str) -> str:
        base_level, char_levels = levels(text)
        spans = visual(text, 0, len(text), char_levels, base_level)
        return "".join(
            mirrored(text[start:stop]) if turned else text[start:stop]
            for start, stop, turned in spans
        )

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
        assert len(set(glyphs_of("ببب ب"))) >= 4

    def test_marks_stand_on_their_letters(self) -> None:
        (run,) = line_of("שָׁ").parts
        assert isinstance(run, Run)
        letters, marks = [1, 2], [glyph for glyph in run.glyphs if 0 < glyph.x < run.width]
        assert len(run.glyphs) >= len(letters)
        assert marks, "a point has a place of its own within the letter's width"

    def test_lines_are_cut_in_reading_order(self) -> None:
        face = load_fonts().regular
        one = wrap("אאא בבב", face, 10, 1_000).lines[0]
        lines, right_to_left = wrap("אאא בבב גגג", face, 10, width_pt(one, face, 10) + 1)
        assert [reads(line) for line in lines] == ["אאא בבב", "גגג"]
        assert right_to_left

    def test_a_wrapped_paragraph_begins_at_its_right_edge(self) -> None:
        invoice = replace(INVOICE, lines=(InvoiceLine("שלום " + "עולםש אש " * 30, 1, 1),))
        (page,) = pages_of(invoice)
        lines = [op for op in page.texts if "ש" in reads(op.line)]
        assert len(lines) > 2
        ends = {round(op.x + width_pt(op.line, op.style.face, op.style.size_pt)) for op in lines}
        assert len(ends) == 1
        assert len({op.x for op in lines}) > 1


class TestShaping:
    def test_vowels_stand_before_the_letters_that_they_follow(self) -> None:
        # Devanagari's and Tamil's short signs are written before, and read after.
        assert glyphs_of("कि") != glyphs_of("क") + glyphs_of("ि")
        assert glyphs_of("கெ")[0] != glyphs_of("க")[0]

    def test_letters_melt_into_one(self) -> None:
        assert len(glyphs_of("क्ष")) < 3

    def test_thai_marks_rise_over_tall_vowels(self) -> None:
        assert glyphs_of("ปี่") != [*glyphs_of("ป"), *glyphs_of("ี"), *glyphs_of("่")]

    def test_chinese_and_japanese_write_a_character_in_their_own_way(self) -> None:
        # U+76F4 has another form in Japan; the kana tell the language.
        assert glyphs_of("直")[0] != glyphs_of("直す")[0]

    def test_lines_of_chinese_end_anywhere_but_before_a_stop(self) -> None:
        face = load_fonts().regular
        lines = wrap("北京。" * 40, face, 10, 55).lines
        assert len(lines) > 10
        assert not [line for line in lines if reads(line).startswith("。")]
        assert "".join(map(reads, lines)) == "北京。" * 40

    def test_a_letter_is_not_parted_from_its_marks(self) -> None:
        face = load_fonts().regular
        lines = [reads(line) for line in wrap("กี่" * 60, face, 10, 40).lines]
        assert len(lines) > 5
        assert all(line.startswith("ก") for line in lines)
