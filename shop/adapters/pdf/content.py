"""What stands on a page, as the operators of a PDF file."""

import functools
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias, cast

from reportlab.pdfbase.pdfmetrics import getFont

from shop.adapters.pdf.document import Document
from shop.adapters.pdf.embedding import CODES, SharedFont, as_number
from shop.adapters.pdf.page import Box, Colour, Page, Style
from shop.adapters.pdf.script_embedding import PackedGlyphs, packed
from shop.adapters.pdf.shaping import Run, ScriptFont
from shop.adapters.pdf.text import ShapedLine

_ELEMENT, _CLUSTER = attrgetter("element"), attrgetter("cluster")
#: The name of a font's subset, and codes in it as they stand between parentheses.
_Piece: TypeAlias = tuple[str, str]


class Writer:
    """Writes the pages of one document, whose fonts get their letters as it goes."""

    def __init__(self, document: Document, pages: Iterable[Page]) -> None:
        self._document = document
        self._fonts: dict[str, _Font] = {}
        #: Fonts of other scripts: all of their glyphs are known before the first is written.
        self._glyphs = {
            font: (f"/S{number}", packed(font, meanings))
            for number, (font, meanings) in enumerate(_glyphs_of(pages), start=1)
        }

    def content(self, page: Page) -> str:
        """What a canvas would write, which asks the same of every word."""
        code = ["1 0 0 1 0 0 cm ", "/Artifact BMC", *map(_box, page.boxes), "EMC", "BT"]
        style = None
        structure = self._document.structure
        structure.begin_page()
        for element, texts in groupby(page.texts, key=_ELEMENT):
            if element is None:
                code.append("/Artifact BMC")
            else:
                code.append(f"/{element.kind} <</MCID {structure.mark(element)}>> BDC")
            for x, y, line, its_style, _ in texts:
                if its_style is not style:
                    style = its_style
                    colour, size = _look(style)
                    code.append(colour)
                code.append(f"1 0 0 1 {x:.3f} {y:.3f} Tm")
                if isinstance(line, str):
                    code += self._show(line, style, size)
                else:
                    code += self._shaped(line, style, size)
            code.append("EMC")
        code += ("ET", " \n")
        return "\n".join(code)

    def embed(self) -> None:
        """Have the fonts of other scripts in the document; the others are there by now."""
        for name, glyphs in self._glyphs.values():
            glyphs.embed(self._document, name.removeprefix("/"))

    def _shaped(self, line: ShapedLine, style: Style, size: str) -> Iterator[str]:
        # For those who copy or listen: shaped letters alone do not always say what they were.
        # Readers turn what runs from right to left round themselves: it is told by the letter.
        is_one_way = not any(isinstance(part, Run) and part.right_to_left for part in line.parts)
        if is_one_way:
            yield _span(line.text)
        for part in line.parts:
            if isinstance(part, Run):
                name, glyphs = self._glyphs[part.font]
                yield f"{name} {size} Tf"
                yield from _placed(part, glyphs, style.size_pt, by_letter=not is_one_way)
            else:
                yield from self._show(part, style, size)
        if is_one_way:
            yield "EMC"

    def _show(self, line: str, style: Style, size: str) -> list[str]:
        if not line:
            return []
        name = style.face.name
        font = self._fonts.get(name)
        if font is None:
            font = self._fonts[name] = _Font(name, self._document)
        codes = font.known(line)
        pieces = font.write(line) if codes is None else ((font.first, codes),)
        return [f"{subset} {size} Tf ({codes}) Tj" for subset, codes in pieces]


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


def _glyphs_of(pages: Iterable[Page]) -> list[tuple[ScriptFont, tuple[tuple[int, str], ...]]]:
    """The fonts of other scripts on `pages`, each with its glyphs and what those stand for."""
    found: dict[ScriptFont, dict[int, str]] = {}
    for page in pages:
        for text in page.texts:
            if isinstance(text.line, ShapedLine):
                for run in text.line.parts:
                    if isinstance(run, Run):
                        glyphs = found.setdefault(run.font, {})
                        for cluster, letters in groupby(run.glyphs, key=_CLUSTER):
                            first, *others = letters
                            glyphs.setdefault(first.number, run.texts[cluster])
                            for glyph in others:
                                glyphs.setdefault(glyph.number, "")
    return [(font, tuple(sorted(glyphs.items()))) for font, glyphs in found.items()]


def _placed(run: Run, glyphs: PackedGlyphs, size_pt: float, *, by_letter: bool) -> Iterator[str]:
    """A run's glyphs, each moved from where the widths alone would put it."""
    pen, rise = 0.0, 0.0
    for cluster, found in groupby(run.glyphs, key=_CLUSTER):
        letter, text = list(found), run.texts[cluster]
        is_told = by_letter and not (len(letter) == 1 and glyphs.meanings[letter[0].number] == text)
        if is_told:
            yield _span(text)
        shown: list[str] = []
        for number, x, y, _ in letter:
            if y != rise:
                yield f"[{''.join(shown)}] TJ {as_number(y * size_pt / 1000)} Ts"
                shown, rise = [], y
            if abs(x - pen) >= _HAIR:
                shown.append(as_number(pen - x))
                pen = x
            shown.append(f"<{glyphs.codes[number]}>")
            pen += glyphs.widths[number]
        yield f"[{''.join(shown)}] TJ"
        if is_told:
            yield "EMC"
    if abs(run.width - pen) >= _HAIR:
        yield f"[{as_number(pen - run.width)}] TJ"
    if rise:
        yield "0 Ts"


def _span(text: str) -> str:
    return f"/Span <</ActualText <feff{text.encode('utf-16-be').hex()}>>> BDC"


#: A move of less cannot be seen: 1/1000 of the size.
_HAIR = 0.5


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
