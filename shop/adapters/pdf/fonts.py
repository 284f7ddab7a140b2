"""The typefaces on an invoice: loaded once a process, the same on every machine.

Noto Sans sets Latin, Greek and Cyrillic, with figures of equal width for the columns of
amounts; FiraGO stands in for the letters that it lacks: Hebrew, Arabic, Georgian,
Devanagari, Thai. Both come from the pymupdf-fonts package under the Open Font License.
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

#: Stands for whatever no font can draw; both weights have a glyph for it.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

#: Keys of `pymupdf_fonts.fontbuffers`, by weight: first the typeface, then its stand-in.
_REGULAR = ("notos", "figo")
_BOLD = ("notosbo", "figbo")

#: Variation selectors choose between forms of a letter that these fonts do not have.
_VARIATION_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))


# Typefaces and sets of them are told apart by identity: there is one of each in a process.
@dataclass(frozen=True, slots=True, eq=False)
class Typeface:
    """One weight: the names registered with reportlab, and what each of them covers."""

    name: str
    fallback_name: str
    #: The characters of `name`; any other drawable one is in `fallback_name`.
    own: frozenset[str]
    #: Width of each drawable character, in thousandths of the font size.
    advances: dict[str, float]


class Repertoire(dict[int, int | str]):
    """A table for `str.translate` that leaves only what both weights can draw."""

    def __missing__(self, code: int) -> str:
        """Choose the nearest drawable text for a character without a glyph."""
        char = chr(code)
        if unicodedata.category(char) == "Cf" or char in _VARIATION_SELECTORS:
            return ""  # invisible by nature: joiners, direction marks, soft hyphens
        if char.isspace():
            return " "
        compatible = unicodedata.normalize("NFKC", char)
        if all(ord(part) in self for part in compatible):
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
    regular, bold = _typeface("invoice-regular", _REGULAR), _typeface("invoice-bold", _BOLD)
    drawable = regular.advances.keys() & bold.advances.keys()
    return FontSet(regular, bold, Repertoire((ord(char), ord(char)) for char in drawable))


def _typeface(name: str, keys: tuple[str, str]) -> Typeface:
    own, fallback = (
        SharedFont(f"{name}-{key}", fontbuffers[key](), common=common)
        for key, common in zip(keys, (COMMON, ""), strict=True)
    )
    pdfmetrics.registerFont(own)
    pdfmetrics.registerFont(fallback)
    own_advances = _advances(own)
    return Typeface(
        name=own.fontName,
        fallback_name=fallback.fontName,
        own=frozenset(own_advances),
        advances=_advances(fallback) | own_advances,
    )


def _advances(font: TTFont) -> dict[str, float]:
    """Widths of the characters with ink or space of their own, without controls."""
    widths: dict[int, float] = font.face.charWidths
    return {
        chr(code): widths[code]
        for code, glyph in font.face.charToGlyph.items()
        if glyph and unicodedata.category(chr(code))[0] != "C" and chr(code) not in _UNDRAWN
    }


#: Line and paragraph separators, which are spaces here, and what chooses between forms.
_UNDRAWN = _VARIATION_SELECTORS | {"\N{LINE SEPARATOR}", "\N{PARAGRAPH SEPARATOR}"}

_loading = threading.Lock()


def _forget_lock() -> None:
    """Give a forked child a lock of its own: the parent's may have been held."""
    global _loading  # noqa: PLW0603 - a lock can only be replaced
    _loading = threading.Lock()


os.register_at_fork(after_in_child=_forget_lock)
