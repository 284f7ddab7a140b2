"""Invoices as PDF files: what stands on them, in which letters, and always the same bytes."""

import copy
import io
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFontFile

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.adapters.pdf.bidi import levels, visual
from shop.adapters.pdf.embedding import without_hints
from shop.adapters.pdf.fonts import REPLACEMENT, load_fonts
from shop.adapters.pdf.layout import compose
from shop.adapters.pdf.page import BOTTOM_PT, HEIGHT_PT, LEFT_PT, RIGHT_PT, Page
from shop.adapters.pdf.text import drawable, runs, shorten, width_pt, wrap
from shop.domain.invoice import Invoice, InvoiceLine, Party

INVOICE = Invoice(
    number="INV-1001",
    order_id="1001",
    issued_on=date(2026, 11, 23),
    seller=Party("Lampenhaus GmbH", ("Lindenstraße 12, Berlin", "VAT DE 123 456 789")),
    customer=Party("Anna Petrova", ("anna@example.com",)),
    lines=(InvoiceLine("Desk lamp, oak", 3, 1990), InvoiceLine("SKU-7", 1000, 150)),
    currency="EUR",
)

#: Two texts of equal length in each script that the fonts cover.
SCRIPTS = {
    "latin": ("Łódź Öster", "Zażółć Ñuñ"),
    "vietnamese": ("Nguyễn Thị", "Đặng Trườn"),
    "greek": ("Αθήνα Ψυχή", "Όλγα Ξένιώ"),
    "cyrillic": ("Щука Ёлкин", "Жанна Эйфь"),
    "ukrainian": ("Ґанок Їжак", "Єва Ірпінь"),
    "kazakh": ("Әсем Құрал", "Өмір Үшқын"),
    "hebrew": ("דניאל כהןו", "שמעון לוית"),
    "arabic": ("القاهرةتجم", "دمشقكلمنصع"),
    "georgian": ("თბილისიაბგ", "ქუთაისიდევ"),
    "thai": ("กรงเทพมหาน", "ประเทศไทยๆ"),
    "devanagari": ("नमसकारअआइई", "दललएकखगघचछ"),
}

#: Nothing here may raise, leave the page, or vanish without a trace.
HOSTILE = {
    "markup": "<b>Tom & Jerry</b> &amp; <para/> <![CDATA[x]]> ]]>",
    "pdf syntax": ") Tj ET endstream endobj \\( \\) %%EOF << /Type /Page >>",
    "format": "%s {0} {name} $HOME \\n",
    "controls": "a\x00b\x07c\x1bd\x7fe\x85f\x9fg",
    "line ends": "one\r\ntwo\nthree\tfour\vfive\u2028six\u2029seven",
    "lone surrogates": "a\ud800b\udfffc",
    "noncharacters": "a\ufffeb\uffffc\U0010ffffd",
    "private use": "a\ue000b\U000f0000c",
    "emoji": "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9",
    "chinese": "北京市海淀区 東京都 서울특별시",
    "stacked marks": "e" + "\u0301\u0316\u0334" * 40,
    "marks alone": "\u0301" * 300,
    "overrides": "abc \u202egnp.exe\u202c \u2067x\u2069 \u200f\u200e",
    "invisible": "\u200b\u2060\ufeff\u00ad",
    "hebrew with points": "שָׁלוֹם עֲלֵיכֶם",
    "arabic with vowels": "مُحَمَّد \u200cمی\u200cخواهم لا الله ﷺ",
    "arabic and latin": "حاسوب (HP) 15 بوصة [i7] " * 40,
    "word without end": "x" * 5000,
    "dashes": "-" * 3000,
    "empty": "",
    "spaces": " " * 3000,
}


def with_text(text: str) -> Invoice:
    """An invoice that has `text` in every place where text of others can stand."""
    party = Party(text, (text, text))
    return replace(
        INVOICE,
        number=text,
        order_id=text,
        seller=party,
        customer=party,
        lines=(InvoiceLine(text, 3, 1990),),
    )


def reader(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf), strict=True)


def forget_packed() -> None:
    """Have the fonts' subsets made anew, as in a process that made no such invoice yet."""
    fonts = load_fonts()
    for face in (fonts.regular, fonts.bold):
        for name in (face.name, face.fallback_name):
            font: Any = pdfmetrics.getFont(name)
            font.packed.cache_clear()


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in reader(pdf).pages)


def check_pages(pages: list[Page]) -> None:
    """Every line is inside the margins, of glyphs that its fonts have, over no other text."""
    for page in pages:
        for op in page.texts:
            width = width_pt(op.line, op.style.face, op.style.size_pt)
            assert op.x >= LEFT_PT - 0.01, op.line
            assert op.x + width <= RIGHT_PT + 0.01, op.line
            assert BOTTOM_PT - 40 < op.y < HEIGHT_PT - 30, op.line
            for name, run in runs(op.line, op.style.face):
                font: Any = pdfmetrics.getFont(name)
                glyphs = font.face.charToGlyph
                assert [char for char in run if not glyphs.get(ord(char))] == []


def run_python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints; it may take a minute."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


class TestContent:
    def test_says_who_sold_what_to_whom_and_for_how_much(self) -> None:
        text = text_of(PdfInvoiceRenderer().render(INVOICE))
        for fact in (
            *("INVOICE", "INV-1001", "2026-11-23", "1001"),
            *("Lampenhaus GmbH", "Lindenstraße 12, Berlin", "VAT DE 123 456 789"),
            *("Anna Petrova", "anna@example.com"),
            *("Desk lamp, oak", "3 19.90 EUR 59.70 EUR"),
            *("SKU-7", "1000 1.50 EUR 1 500.00 EUR"),
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
        document = reader(PdfInvoiceRenderer().render(with_text("Ab Яб אב")))
        resources: Any = document.pages[0]["/Resources"]
        fonts = resources["/Font"]
        names = {font.get_object()["/BaseFont"] for font in fonts.values()}
        assert len(names) == 4  # two weights, each with its stand-in
        for font in fonts.values():
            assert "/FontFile2" in font.get_object()["/FontDescriptor"]

    def test_an_invoice_without_lines_is_still_one(self) -> None:
        text = text_of(PdfInvoiceRenderer().render(replace(INVOICE, lines=())))
        assert "Total 0.00 EUR" in text


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


class TestHostileText:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_is_drawn_inside_the_page(self, name: str) -> None:
        invoice = with_text(HOSTILE[name])
        check_pages(compose(invoice, load_fonts()))
        pdf = PdfInvoiceRenderer().render(invoice)
        assert "59.70 EUR" in text_of(pdf)

    @settings(max_examples=60, deadline=None)
    @given(text=st.text(st.characters(exclude_categories=()), max_size=120))
    def test_any_text_is_drawn_inside_the_page(self, text: str) -> None:
        invoice = with_text(text)
        check_pages(compose(invoice, load_fonts()))
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
        check_pages(compose(invoice, load_fonts()))
        texts = [page.extract_text() for page in pages]
        assert [word for text in texts for word in text.split() if word in set(words)] == words
        for number, text in enumerate(texts, start=1):
            assert f"Page {number} of {len(pages)}" in text
            assert "Unit price" in text  # the table's head is on every page
        assert "Last" in texts[-1]
        assert "Total 1.10 EUR" in texts[-1]

    def test_words_without_spaces_are_cut_and_kept_whole(self) -> None:
        word = "".join(chr(ord("а") + number % 32) for number in range(6000))
        pages = compose(replace(INVOICE, lines=(InvoiceLine(word, 1, 1),)), load_fonts())
        assert len(pages) > 1
        check_pages(pages)
        lines = [op.line for page in pages for op in page.texts]
        assert "".join(line for line in lines if set(line) <= set(word)) == word

    def test_names_and_addresses_may_be_long_too(self) -> None:
        party = Party("Имя " * 400, tuple(f"Line {number}" for number in range(150)))
        invoice = replace(INVOICE, seller=party, customer=party, number="9" * 900)
        pages = compose(invoice, load_fonts())
        check_pages(pages)
        lines = [op.line for page in pages for op in page.texts]
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
        check_pages(compose(replace(INVOICE, lines=(line,), currency="JPY"), load_fonts()))

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


class TestSameBytes:
    INVOICES = (INVOICE, with_text("Щука & <שלום> القاهرة (HP) 李"))

    @pytest.mark.parametrize("invoice", INVOICES)
    def test_when_made_again(self, invoice: Invoice) -> None:
        first = PdfInvoiceRenderer().render(invoice)
        PdfInvoiceRenderer().render(with_text("something else: Ωμέγα"))
        assert PdfInvoiceRenderer().render(invoice) == first

    def test_in_another_process(self) -> None:
        code = (
            "import hashlib\n"
            "from tests.unit.adapters.test_pdf import TestSameBytes as T\n"
            "from shop.adapters.pdf import PdfInvoiceRenderer\n"
            "for i in T.INVOICES: print(hashlib.sha256(PdfInvoiceRenderer().render(i)).hexdigest())"
        )
        seeds = {
            run_python(code, PYTHONHASHSEED="1", TZ="UTC"),
            run_python(code, PYTHONHASHSEED="2", TZ="Asia/Tokyo", LC_ALL="C"),
        }
        assert len(seeds) == 1
        assert len(set(seeds.pop().split())) == len(self.INVOICES)

    def test_on_many_threads_at_once(self) -> None:
        invoices = [with_text(pair[0]) for pair in SCRIPTS.values()]
        expected = [PdfInvoiceRenderer().render(invoice) for invoice in invoices]
        renderer = PdfInvoiceRenderer()
        together = threading.Barrier(4)

        def render_all(_thread: int) -> list[bytes]:
            together.wait(timeout=10)
            return [renderer.render(invoice) for _ in range(3) for invoice in invoices]

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(render_all, range(4))) == [expected * 3] * 4

    def test_when_another_is_made_in_the_midst(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Threads meet at the worst moment too seldom for a test, so it is brought about:
        # whenever reportlab has set its cursor in a font, another invoice comes between.
        accented, plain = with_text("éàüñçőž"), with_text("abc")
        expected = PdfInvoiceRenderer().render(accented)
        read_short = TTFontFile.read_short
        forget_packed()
        interruptions = 0

        def interrupted(face: TTFontFile) -> int:
            nonlocal interruptions
            forget_packed()
            with monkeypatch.context() as undisturbed:
                undisturbed.setattr(TTFontFile, "read_short", read_short)
                PdfInvoiceRenderer().render(plain)
            interruptions += 1
            value: int = read_short(face)
            return value

        monkeypatch.setattr(TTFontFile, "read_short", interrupted)
        assert PdfInvoiceRenderer().render(accented) == expected
        assert interruptions > len("éàüñçőž")

    def test_when_first_used_by_many_threads(self) -> None:
        code = (
            "import threading\n"
            "from tests.unit.adapters.test_pdf import INVOICE\n"
            "from shop.adapters.pdf import PdfInvoiceRenderer, fonts\n"
            "loaded, load = [], fonts._typeface\n"
            "def count(name, keys):\n"
            "    loaded.append(name); return load(name, keys)\n"
            "fonts._typeface = count\n"
            "made, gate = [], threading.Barrier(4)\n"
            "def work():\n"
            "    gate.wait(10); made.append(PdfInvoiceRenderer().render(INVOICE))\n"
            "threads = [threading.Thread(target=work) for _ in range(4)]\n"
            "[t.start() for t in threads]; [t.join(50) for t in threads]\n"
            "print(len(made), len(set(made)), *sorted(loaded))"
        )
        assert run_python(code) == "4 1 invoice-bold invoice-regular"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_in_a_child_forked_while_another_thread_loads_the_fonts(self) -> None:
        code = (
            "import hashlib, os\n"
            "from tests.unit.adapters.test_pdf import INVOICE\n"
            "from shop.adapters.pdf import PdfInvoiceRenderer, fonts\n"
            "def show():\n"
            "    pdf = PdfInvoiceRenderer().render(INVOICE)\n"
            "    print(hashlib.sha256(pdf).hexdigest(), flush=True)\n"
            "fonts._loading.acquire()\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    show(); os._exit(0)\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
            "fonts._loading.release(); show()"
        )
        in_child, in_parent = run_python(code).split()
        assert in_child == in_parent


def test_importing_the_adapter_opens_no_font() -> None:
    code = (
        "import sys, shop.adapters.pdf\n"
        "from reportlab.pdfbase import pdfmetrics\n"
        "print([m for m in sys.modules if m.startswith(('pymupdf_fonts.', 'arabic_reshaper'))],"
        " [n for n in pdfmetrics.getRegisteredFontNames() if n.startswith('invoice')])"
    )
    assert run_python(code) == "[] []"


@pytest.mark.skipif(
    shutil.which("pdftoppm") is None, reason="pdftoppm (Debian: poppler-utils) is not installed"
)
class TestPicture:
    """The page as a person sees it, rendered by another program."""

    @staticmethod
    def pixels(invoice: Invoice, directory: Path) -> tuple[int, bytes]:
        """Width of the first page in pixels of 1/72 inch, and their brightness, row by row."""
        file = directory / "invoice.pdf"
        file.write_bytes(PdfInvoiceRenderer().render(invoice))
        picture = subprocess.run(
            ["pdftoppm", "-r", "72", "-gray", "-f", "1", "-l", "1", str(file)],
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout
        magic, width, _height, _white, pixels = picture.split(maxsplit=4)
        assert magic == b"P5"
        return int(width), pixels

    def name_drawn(self, name: str, directory: Path) -> bytes:
        """The picture of a customer's name."""
        invoice = replace(INVOICE, customer=Party(name))
        (page,) = compose(invoice, load_fonts())
        style = next(op.style for op in page.texts if op.style.size_pt == 11)
        baseline = next(op.y for op in page.texts if op.style is style)
        width, pixels = self.pixels(invoice, directory)
        first, last = (round(HEIGHT_PT - baseline + offset) for offset in (-12, 5))
        return pixels[first * width : last * width]

    def test_has_ink_where_it_should_and_white_elsewhere(self, tmp_path: Path) -> None:
        width, pixels = self.pixels(INVOICE, tmp_path)
        dark = sum(value < 128 for value in pixels) / len(pixels)
        assert 0.01 < dark < 0.10
        left_margin = [pixels[row * width + 20] for row in range(20, len(pixels) // width)]
        assert set(left_margin) == {255}

    @pytest.mark.parametrize("script", SCRIPTS)
    def test_different_letters_look_different(self, script: str, tmp_path: Path) -> None:
        one, other = SCRIPTS[script]
        assert len(one) == len(other)
        assert self.name_drawn(one, tmp_path) != self.name_drawn(other, tmp_path)
        boxes = self.name_drawn("北" * len(one), tmp_path)
        assert self.name_drawn(one, tmp_path) != boxes
        assert sum(value < 128 for value in self.name_drawn(one, tmp_path)) > 50

    def test_letters_that_no_font_covers_look_alike(self, tmp_path: Path) -> None:
        # What the test above would see for every script if letters came out as boxes.
        assert self.name_drawn("北京北京", tmp_path) == self.name_drawn("東西南中", tmp_path)


class TestEmbedding:
    """What is embedded of a font."""

    def test_is_packed_once_for_invoices_in_plain_letters(self) -> None:
        forget_packed()
        PdfInvoiceRenderer().render(with_text("abc"))
        font: Any = pdfmetrics.getFont(load_fonts().regular.name)
        PdfInvoiceRenderer().render(with_text("xyz 0123"))

        found = font.packed.cache_info()
        assert (found.misses, found.hits) == (1, 1)

    def test_has_outlines_and_no_hints(self) -> None:
        font: Any = pdfmetrics.getFont(load_fonts().regular.name)
        subset = [0, *map(ord, "Äé")]
        hinted = copy.copy(font.face).makeSubset(subset)

        plain = without_hints(hinted)

        assert len(plain) < len(hinted)
        # Read as strictly as reportlab can: checksums, tables, offsets.
        face: Any = TTFontFile(io.BytesIO(plain), validate=1)
        assert {"fpgm", "prep", "cvt "}.isdisjoint(face.table)
        assert face.glyphPos[-1] > 0
