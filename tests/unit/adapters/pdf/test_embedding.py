"""Fonts inside the file, and the page as another program draws it."""

import copy
import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFontFile

from shop.adapters.pdf import PdfInvoiceRenderer
from shop.adapters.pdf.embedding import without_hints
from shop.adapters.pdf.fonts import load_fonts
from shop.adapters.pdf.page import HEIGHT_PT
from shop.domain.invoice import Invoice, Party
from tests.unit.adapters.pdf.invoices import (
    INVOICE,
    SCRIPTS,
    forget_packed,
    pages_of,
    with_text,
)


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
        (page,) = pages_of(invoice)
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
        boxes = self.name_drawn("\U00013000" * len(one), tmp_path)
        assert self.name_drawn(one, tmp_path) != boxes
        assert sum(value < 128 for value in self.name_drawn(one, tmp_path)) > 50

    @pytest.mark.parametrize("symbol", ["☂", "☎", "❤", "①", "Ａ", "😀"])
    def test_symbols_leave_ink(self, symbol: str, tmp_path: Path) -> None:
        # An outline that takes more operands at once than a PDF's has room for stays blank.
        drawn = self.name_drawn(symbol, tmp_path)
        assert sum(value < 128 for value in drawn) > 5
        assert drawn != self.name_drawn("\U00013000", tmp_path)

    def test_letters_that_no_font_covers_look_alike(self, tmp_path: Path) -> None:
        # What the test above would see for every script if letters came out as boxes.
        assert self.name_drawn("\U00013000" * 4, tmp_path) == self.name_drawn(
            "\U00013001" * 4, tmp_path
        )


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
