"""Text in any script, made ready for drawing: cleaned, shaped, wrapped, put in visual order."""

import functools
import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate, groupby, takewhile
from typing import NamedTuple

from shop.adapters.pdf.bidi import RIGHT_TO_LEFT, levels, visual
from shop.adapters.pdf.fonts import FontSet, Typeface

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_ARABIC = re.compile("[\u0600-\u06ff]")

#: Left out of right-to-left text: the vowel points of Hebrew, which would need positioning
#: by the font, and the characters that direct or join, except the non-joiner: those could
#: make an invoice read otherwise than it is written.
_LEFT_OUT = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u00ad\u061c\u200b\u200d-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)


def drawable(text: str, fonts: FontSet) -> str:
    """`text` with nothing left in it that the fonts cannot draw, still in reading order."""
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", text)
    if RIGHT_TO_LEFT.search(text):
        text = _LEFT_OUT.sub("", text)
        if _ARABIC.search(text):
            text = _joining()(text)
    return text.translate(fonts.repertoire)


def width_pt(text: str, face: Typeface, size_pt: float) -> float:
    """How wide drawable `text` is on one line."""
    return sum(map(face.advances.__getitem__, text)) * size_pt / 1000


class Lines(NamedTuple):
    """A paragraph broken into lines, each in visual order, at least one."""

    lines: list[str]
    right_to_left: bool


def wrap(text: str, face: Typeface, size_pt: float, limit_pt: float) -> Lines:
    """Break drawable `text` into lines no wider than `limit_pt`.

    Words wider than a line are cut; a character wider than a line stands alone.
    """
    text = text.strip(" ")
    spans = [(0, len(text))]
    if width_pt(text, face, size_pt) > limit_pt:
        spans = list(_spans(text, face, limit_pt * 1000 / size_pt))
    if not RIGHT_TO_LEFT.search(text):
        return Lines([text[start:stop] for start, stop in spans], right_to_left=False)
    base_level, char_levels = levels(text)
    lines = [visual(text[start:stop], char_levels[start:stop], base_level) for start, stop in spans]
    return Lines(lines, right_to_left=base_level == 1)


def shorten(text: str, face: Typeface, size_pt: float, limit_pt: float) -> str:
    """Drawable `text` on one line, in visual order, with an ellipsis for what had no room."""
    if width_pt(text, face, size_pt) > limit_pt:
        room = limit_pt * 1000 / size_pt - face.advances[_ELLIPSIS]
        edges = accumulate(map(face.advances.__getitem__, text))
        text = text[: sum(1 for _ in takewhile(room.__ge__, edges))].rstrip(" ") + _ELLIPSIS
    return wrap(text, face, size_pt, math.inf).lines[0]


def runs(line: str, face: Typeface) -> list[tuple[str, str]]:
    """Split a line into (name of the font, text), from left to right."""
    if face.own.issuperset(line):
        return [(face.name, line)]
    return [
        (face.name if own else face.fallback_name, "".join(chars))
        for own, chars in groupby(line, face.own.__contains__)
    ]


def _spans(text: str, face: Typeface, limit: float) -> Iterator[tuple[int, int]]:
    """Where lines start and stop: at the last space or hyphen that fits, else anywhere."""
    # edges[i] is where character i begins: each line is one search, however long the text.
    edges = list(accumulate(map(face.advances.__getitem__, text), initial=0.0))
    start = 0
    while start < len(text):
        stop = max(bisect_right(edges, edges[start] + limit) - 1, start + 1)
        if stop < len(text):
            stop = _break_before(text, start, stop)
        yield start, stop
        start = stop
        while start < len(text) and text[start] == " ":
            start += 1


def _break_before(text: str, start: int, stop: int) -> int:
    """The best place to end a line that has room for `text[start:stop]` and no more."""
    space = text.rfind(" ", start + 1, stop + 1)
    # A hyphen near the start is no place to break: most of the line would stay empty.
    hyphen = text.rfind("-", (start + stop) // 2, stop) + 1
    if space > 0 or hyphen > 0:
        return max(space, hyphen)
    while stop > start + 1 and unicodedata.combining(text[stop]):
        stop -= 1
    return stop


@functools.cache
def _joining() -> Callable[[str], str]:
    """What joins Arabic letters: the font draws each form, but nothing here chooses one."""
    # Imported here, since it reads the environment when it is.
    from arabic_reshaper import ArabicReshaper

    # FiraGO has no glyphs at the code points of isolated forms, only at the letters' own.
    reshaper = ArabicReshaper({"use_unshaped_instead_of_isolated": True})
    reshape: Callable[[str], str] = reshaper.reshape
    return reshape
