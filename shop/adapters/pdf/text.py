"""Text in any script, made ready for drawing: cleaned, shaped, wrapped, put in visual order."""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from shop.adapters.pdf.bidi import RIGHT_TO_LEFT, levels, mirrored, visual
from shop.adapters.pdf.fonts import FontSet, Typeface
from shop.adapters.pdf.shaping import STRAY_JOINERS, Run, language_of, place_of_font

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

#: Between any two of these a line may end: Chinese, Japanese, Korean, Thai, Lao, Khmer, Myanmar.
_PARTED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0xA4CF)),
    *((0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFF9F), (0x20000, 0x3FFFF)),
)
#: Not at a line's beginning, and not at its end.
_NEVER_FIRST = frozenset(
    "、。，．・：；？！）］｝〉》」』】〕〗〙〛’”ゝゞ々ーぁぃぅぇぉっゃゅょァィゥェォッャュョๆฯ"
)
_NEVER_LAST = frozenset("（［｛〈《「『【〔〖〘〚‘“เแโใไ")


@dataclass(frozen=True, slots=True)
class ShapedLine:
    """A line with letters that HarfBuzz sets, from left to right; strings are in visual order."""

    parts: tuple[str | Run, ...]
    #: As it is read.
    text: str
    #: 1/1000 of the size.
    width: float


#: A string has the typeface's own letters alone, from left to right.
Line: TypeAlias = str | ShapedLine


class Lines(NamedTuple):
    """A paragraph broken into lines, at least one."""

    lines: list[Line]
    right_to_left: bool


def drawable(text: str, fonts: FontSet) -> str:
    """`text` with nothing left in it that the fonts cannot draw, still in reading order."""
    if text.isascii() and text.isprintable():
        return text
    return STRAY_JOINERS.sub("", unicodedata.normalize("NFC", text)).translate(fonts.repertoire)


def width_pt(line: Line, face: Typeface, size_pt: float) -> float:
    """How wide a line is; a string may be drawable text of the typeface's own letters."""
    if isinstance(line, ShapedLine):
        return line.width * size_pt / 1000
    return _own_width(line, face) * size_pt / 1000


def wrap(text: str, face: Typeface, size_pt: float, limit_pt: float) -> Lines:
    """Break drawable `text` into lines no wider than `limit_pt`.

    Words wider than a line are cut; a character wider than a line stands alone.
    """
    text = text.strip(" ")
    limit = limit_pt * 1000 / size_pt
    if not face.own.issuperset(text):
        return _Paragraph(text, face).wrapped(limit)
    if _own_width(text, face) <= limit:
        return Lines([text], right_to_left=False)
    # edges[i] is where character i begins: each line is one search, however long the text.
    edges = list(accumulate(map(face.advances.__getitem__, text), initial=0.0))
    spans = _spans(text, edges, limit, lambda at: not unicodedata.combining(text[at]))
    return Lines([text[start:stop] for start, stop in spans], right_to_left=False)


def shorten(text: str, face: Typeface, size_pt: float, limit_pt: float) -> Line:
    """Drawable `text` on one line, with an ellipsis for what had no room."""
    line = _on_one_line(text, face)
    end = len(text)
    while width_pt(line, face, size_pt) > limit_pt and end:
        # Near the right end at once; shaped anew, for letters at an end may have other forms.
        end = min(end - 1, round(end * limit_pt / width_pt(line, face, size_pt)) + 1)
        line = _on_one_line(text[:end].rstrip(" ") + _ELLIPSIS, face)
    return line


def _on_one_line(text: str, face: Typeface) -> Line:
    return wrap(text, face, 1, math.inf).lines[0]


def _own_width(text: str, face: Typeface) -> float:
    return sum(map(face.advances.__getitem__, text))


class _Paragraph:
    """Text that the typeface alone cannot set, while it is broken into lines."""

    def __init__(self, text: str, face: Typeface) -> None:
        self._text = text
        self._face = face
        self._language = language_of(text)
        self._base_level, self._levels = (
            levels(text) if RIGHT_TO_LEFT.search(text) else (0, [0] * len(text))
        )
        self._places = _places(text, face)

    def wrapped(self, limit: float) -> Lines:
        advances = [0.0] * len(self._text)
        #: Where what belongs together begins: a letter with its marks, or a ligature.
        starts = set[int]()
        for first, part in self._parts(0, len(self._text)):
            if isinstance(part, Run):
                found = part.advances
            else:
                found = {at: self._face.advances[char] for at, char in enumerate(part)}
            for at, advance in found.items():
                advances[first + at] = advance
                starts.add(first + at)
        edges = list(accumulate(advances, initial=0.0))
        lines: list[Line] = []
        start = 0
        while start < len(self._text):
            span = next(_spans(self._text, edges, limit, starts.__contains__, start))
            line = self._line(*span)
            stop = span[1]
            while line.width > limit and stop > start + 1:
                # Letters at the end of a line may have wider forms than within it.
                stop -= 1
                while stop > start + 1 and stop not in starts:
                    stop -= 1
                line = self._line(start, stop)
            lines.append(line)
            start = _next_word(self._text, stop)
        return Lines(lines, right_to_left=self._base_level == 1)

    def _line(self, start: int, stop: int) -> ShapedLine:
        parts = tuple(part for _, part in self._parts(start, stop))
        width = sum(
            part.width if isinstance(part, Run) else _own_width(part, self._face) for part in parts
        )
        return ShapedLine(parts, self._text[start:stop], width)

    def _parts(self, start: int, stop: int) -> Iterator[tuple[int, str | Run]]:
        """Runs of one font and direction, from left to right, each with where it begins."""
        spans = visual(self._text, start, stop, self._levels, self._base_level)
        for first, last, right_to_left in spans:
            stretches = list(_stretches(self._places, first, last))
            for begin, end in reversed(stretches) if right_to_left else stretches:
                yield begin, self._set(begin, end, right_to_left=right_to_left)

    def _set(self, start: int, stop: int, *, right_to_left: bool) -> str | Run:
        text, place = self._text[start:stop], self._places[start]
        if place is None:
            return mirrored(text) if right_to_left else text
        font = self._face.others[place]
        return font.shape(text, self._language, right_to_left=right_to_left)


def _places(text: str, face: Typeface) -> list[int | None]:
    """Which font sets each character: None is the typeface itself."""
    places: list[int | None] = []
    current = None
    for char in text:
        mark = unicodedata.category(char)[0] in "MC"
        stays = current is not None and (mark or char not in face.own)
        if not (stays and current is not None and face.others[current].covers(char)):
            current = None if char in face.own else place_of_font(char)
        places.append(current)
    return places


def _stretches(places: Sequence[int | None], start: int, stop: int) -> Iterator[tuple[int, int]]:
    first = start
    for at in range(start + 1, stop + 1):
        if at == stop or places[at] != places[first]:
            yield first, at
            first = at


def _spans(
    text: str,
    edges: Sequence[float],
    limit: float,
    may_begin: Callable[[int], bool],
    start: int = 0,
) -> Iterator[tuple[int, int]]:
    """Where lines start and stop: at the last space or hyphen that fits, else anywhere."""
    while start < len(text):
        stop = max(bisect_right(edges, edges[start] + limit) - 1, start + 1)
        if stop < len(text):
            stop = _break_before(text, start, stop, may_begin)
        yield start, stop
        start = _next_word(text, stop)


def _next_word(text: str, at: int) -> int:
    while at < len(text) and text[at] == " ":
        at += 1
    return at


def _break_before(text: str, start: int, stop: int, may_begin: Callable[[int], bool]) -> int:
    """The best place to end a line that has room for `text[start:stop]` and no more."""
    for at in range(stop, (start + stop) // 2, -1):
        if may_begin(at) and _may_part(text[at - 1], text[at]):
            return at
        if text[at] == " " or text[at - 1] in " -":
            break
    space = text.rfind(" ", start + 1, stop + 1)
    # A hyphen near the start is no place to break: most of the line would stay empty.
    hyphen = text.rfind("-", (start + stop) // 2, stop) + 1
    if space > 0 or hyphen > 0:
        return max(space, hyphen)
    while stop > start + 1 and not may_begin(stop):
        stop -= 1
    return stop


def _may_part(before: str, after: str) -> bool:
    """Whether a line may end between two letters of a script that is written without spaces."""
    return (
        before not in _NEVER_LAST
        and after not in _NEVER_FIRST
        and any(first <= ord(after) <= last for first, last in _PARTED)
        and any(first <= ord(before) <= last for first, last in _PARTED)
    )
