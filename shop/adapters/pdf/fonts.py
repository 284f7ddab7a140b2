"""The typefaces on an invoice: loaded once a process, the same on every machine.

Noto Sans sets Latin, Greek and Cyrillic, with figures of equal width for the columns of
amounts. It comes from the pymupdf-fonts package under the Open Font License, in two weights that
need no making. `shaping` has the fonts for letters that it lacks.
"""

import functools
import os
import threading
import unicodedata
from dataclasses import dataclass

from pymupdf_fonts import fontbuffers
from reportlab import rl_config
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from shop.adapters.pdf.embedding import COMMON, SharedFont
from shop.adapters.pdf.shaping import (
    BOLD,
    JOINERS,
    REGULAR,
    VARIATION_SELECTORS,
    ScriptFont,
    place_of_font,
    script_fonts,
)

#: Stands for whatever no font can draw; both weights have a glyph for it.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


# Typefaces and sets of them are told apart by identity: there is one of each in a process.
@dataclass(frozen=True, slots=True, eq=False)
class Typeface:
    """One weight: the name registered with reportlab, and what it covers."""

    name: str
    weight: int
    #: The characters that need no shaping; any other drawable one is set by one of `others`.
    own: frozenset[str]
    #: Width of each of them, in thousandths of the font size.
    advances: dict[str, float]

    @property
    def others(self) -> tuple[ScriptFont, ...]:
        return script_fonts(self.weight)


class Repertoire(dict[int, int | str]):
    """A table for `str.translate` that leaves only what the fonts can draw."""

    def __missing__(self, code: int) -> str:
        """Choose the nearest drawable text for a character that the typeface lacks."""
        char = chr(code)
        if char in JOINERS or place_of_font(char) is not None:
            return char
        if unicodedata.category(char) == "Cf" or char in VARIATION_SELECTORS:
            return ""  # invisible by nature: direction marks, soft hyphens
        if char.isspace():
            return " "
        compatible = unicodedata.normalize("NFKC", char)
        if all(ord(part) in self or place_of_font(part) is not None for part in compatible):
            return compatible
        return REPLACEMENT


@dataclass(frozen=True, slots=True, eq=False)
class FontSet:
    """Everything that measuring and drawing text needs."""

    regular: Typeface
    bold: Typeface
    repertoire: Repertoire


def load_fonts() -> FontSet:
    """The process's fonts; the first call takes about a fifth of a second."""
    with _loading:
        return _load()


@functools.cache
def _load() -> FontSet:
    # Made for wires that take seven bits: a quarter more of a file, and of the time to write it.
    rl_config.useA85 = 0
    regular = _typeface("invoice-regular", "notos", REGULAR)
    bold = _typeface("invoice-bold", "notosbo", BOLD)
    drawable = regular.own & bold.own
    return FontSet(regular, bold, Repertoire((ord(char), ord(char)) for char in drawable))


def _typeface(name: str, key: str, weight: int) -> Typeface:
    """`key` is of `pymupdf_fonts.fontbuffers`."""
    font = SharedFont(f"{name}-{key}", fontbuffers[key](), common=COMMON)
    pdfmetrics.registerFont(font)
    advances = _advances(font)
    return Typeface(font.fontName, weight, frozenset(advances), advances)


def _advances(font: TTFont) -> dict[str, float]:
    """Widths of the characters with ink or space of their own, without controls."""
    widths: dict[int, float] = font.face.charWidths
    return {
        chr(code): widths[code]
        for code, glyph in font.face.charToGlyph.items()
        if glyph and unicodedata.category(chr(code))[0] != "C" and chr(code) not in _UNDRAWN
    }


#: Line and paragraph separators, which are spaces here, and what chooses between forms.
_UNDRAWN = VARIATION_SELECTORS | {"\N{LINE SEPARATOR}", "\N{PARAGRAPH SEPARATOR}"}

_loading = threading.Lock()


def _forget_lock() -> None:
    """Give a forked child a lock of its own: the parent's may have been held."""
    global _loading  # noqa: PLW0603 - a lock can only be replaced
    _loading = threading.Lock()


os.register_at_fork(after_in_child=_forget_lock)
