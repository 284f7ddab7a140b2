"""What stands on a page, as the operators of a PDF file."""

import functools
from typing import TypeAlias, cast

from reportlab.pdfbase.pdfmetrics import getFont

from shop.adapters.pdf.document import Document
from shop.adapters.pdf.embedding import CODES, SharedFont
from shop.adapters.pdf.fonts import Typeface
from shop.adapters.pdf.page import Box, Colour, Page, Style
from shop.adapters.pdf.text import runs

#: The name of a font's subset, and codes in it as they stand between parentheses.
_Piece: TypeAlias = tuple[str, str]


class Writer:
    """Writes the pages of one document, whose fonts get their letters as it goes."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._fonts: dict[str, _Font] = {}

    def content(self, page: Page) -> str:
        """What a canvas would write, which asks the same of every word."""
        code = ["1 0 0 1 0 0 cm "]
        code += map(_box, page.boxes)
        code.append("BT")
        style = None
        for x, y, line, its_style in page.texts:
            if its_style is not style:
                style = its_style
                colour, size = _look(style)
                code.append(colour)
            code.append(f"1 0 0 1 {x:.3f} {y:.3f} Tm")
            for subset, codes in self._show(line, style.face):
                code.append(f"{subset} {size} Tf ({codes}) Tj")
        code += ("ET", " \n")
        return "\n".join(code)

    def _show(self, line: str, face: Typeface) -> list[_Piece]:
        font = self._fonts.get(face.name)
        if font is not None and (codes := font.known(line)) is not None:
            return [(font.first, codes)] if codes else []
        return [piece for name, run in runs(line, face) if run for piece in self._write(name, run)]

    def _write(self, name: str, run: str) -> list[_Piece]:
        font = self._fonts.get(name)
        if font is None:
            font = self._fonts[name] = _Font(name, self._document)
        return font.write(run)


class _Font:
    """A font in one document; it is the document's from the moment that this is made."""

    def __init__(self, name: str, document: Document) -> None:
        self._font = cast("SharedFont", getFont(name))
        self._document = document
        #: Letters that are in the first subset by now, as they are written.
        self._known = self._font.begin(document)
        #: The first subset's name.
        self.first: str = self._font.getSubsetInternalName(0, document)

    def known(self, text: str) -> str | None:
        """The codes of `text` in the first subset, if all of its letters are there."""
        known = self._known
        try:
            # Nearly every text: one look-up a letter instead of reportlab's dozen steps.
            return "".join([known[char] for char in text])
        except KeyError:
            return None

    def write(self, text: str) -> list[_Piece]:
        """`text` from left to right; letters that are new here get places in a subset."""
        letters = [char for char in dict.fromkeys(text) if char not in self._known]
        places = self._split("".join(letters))
        if len(places) == 1 and places[0][0] == 0:
            self._known.update(zip(letters, [CODES[code] for code in places[0][1]], strict=True))
        codes = self.known(text)
        if codes is not None:
            return [(self.first, codes)]
        name = self._font.getSubsetInternalName
        return [
            (name(number, self._document), "".join([CODES[code] for code in run]))
            for number, run in self._split(text)
        ]

    def _split(self, text: str) -> list[tuple[int, bytes]]:
        parts: list[tuple[int, bytes]] = self._font.splitString(text, self._document)
        return parts


@functools.lru_cache(64)
def _look(style: Style) -> tuple[str, str]:
    """A style's colour and size, which are those of many lines."""
    return _fill(style.colour), f"{style.size_pt:.3f}"


def _box(box: Box) -> str:
    x, y, width, height, colour = box
    return f"{_fill(colour)} {x:.3f} {y:.3f} {width:.3f} {height:.3f} re f"


@functools.lru_cache(64)
def _fill(colour: Colour) -> str:
    return " ".join(f"{part:.3f}" for part in colour) + " rg"
