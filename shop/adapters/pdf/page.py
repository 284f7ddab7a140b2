"""Sheets of paper on which text flows from line to line and from page to page."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from shop.adapters.pdf.fonts import FontSet, Typeface
from shop.adapters.pdf.structure import Element
from shop.adapters.pdf.text import Line, drawable, width_pt, wrap

#: A4, upright; y grows upwards from the lower edge.
WIDTH_PT, HEIGHT_PT = 595.28, 841.89
LEFT_PT, RIGHT_PT = 52.0, WIDTH_PT - 52.0
TOP_PT, BOTTOM_PT = HEIGHT_PT - 64.0, 72.0

#: How many paragraphs are kept broken into lines, since most of them, the shop's own, are on every
#: invoice; and how many characters those have at most.
_KEPT, _SHORT = 128, 100

#: Red, green and blue, each from 0 to 1.
Colour: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """How a line looks; equal to itself alone, so that what is known of it is found at once."""

    face: Typeface
    size_pt: float
    leading_pt: float
    colour: Colour


class Text(NamedTuple):
    """One line in visual order; x and y are the left end of its baseline."""

    x: float
    y: float
    line: Line
    style: Style
    #: What it is a part of; None for what is decoration, such as a head that is there before.
    element: Element | None = None


class Box(NamedTuple):
    """A filled rectangle; x and y are its lower left corner."""

    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(slots=True)
class Page:
    """What is on one sheet: boxes below, texts above."""

    #: Where text begins, below whatever heads the page.
    top: float = TOP_PT
    boxes: list[Box] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


class Cursor(NamedTuple):
    """A height on a page; a later cursor is lower down or on a later page."""

    page: int
    y: float


class Column(NamedTuple):
    """A strip of the page between two x; lines stand at its left or its right edge."""

    left: float
    right: float
    align_right: bool = False

    @property
    def width_pt(self) -> float:
        return self.right - self.left


def later(*cursors: Cursor) -> Cursor:
    """The cursor furthest into the document."""
    return max(cursors, key=lambda cursor: (cursor.page, -cursor.y))


class Sheets:
    """The document's pages, added as text runs over the lower edge of the last one."""

    def __init__(self, fonts: FontSet, head: Callable[[Page], None]) -> None:
        """`head` draws what heads every page, and may lower the page's `top`."""
        self._fonts = fonts
        self._head = head
        self.pages: list[Page] = []
        self._add_page()

    @property
    def start(self) -> Cursor:
        return Cursor(0, self.pages[0].top)

    def head_pages_with(self, head: Callable[[Page], None]) -> None:
        """Draw something else at the head of the pages to come."""
        self._head = head

    def room(self, cursor: Cursor, height_pt: float) -> Cursor:
        """`cursor` if that much fits below it, else the top of the next page."""
        if cursor.y - height_pt >= BOTTOM_PT:
            return cursor
        if cursor.page + 1 == len(self.pages):
            self._add_page()
        return Cursor(cursor.page + 1, self.pages[cursor.page + 1].top)

    def flow(
        self,
        texts: Sequence[str],
        style: Style,
        column: Column,
        at: Cursor,
        element: Element | None = None,
    ) -> Cursor:
        """Set each text as a paragraph in `column` from `at` on; where the next one begins."""
        leading_pt = style.leading_pt
        for text in texts:
            broken = _lines if len(text) <= _SHORT else _lines.__wrapped__
            for x, line in broken(text, self._fonts, style, column):
                at = self.room(at, leading_pt)
                # The baseline leaves about a quarter of the leading for what hangs below it.
                line_y = at.y - 0.76 * leading_pt
                self.pages[at.page].texts.append(Text(x, line_y, line, style, element))
                at = Cursor(at.page, at.y - leading_pt)
        return at

    def rule(self, column: Column, at: Cursor, thickness_pt: float, colour: Colour) -> None:
        """A horizontal line."""
        box = Box(column.left, at.y, column.width_pt, thickness_pt, colour)
        self.pages[at.page].boxes.append(box)

    def _add_page(self) -> None:
        page = Page()
        self._head(page)
        self.pages.append(page)


@functools.lru_cache(_KEPT)
def _lines(
    text: str, fonts: FontSet, style: Style, column: Column
) -> tuple[tuple[float, Line], ...]:
    """The lines of a paragraph, in visual order, each with its left end."""
    face, size_pt = style.face, style.size_pt
    lines, right_to_left = wrap(drawable(text, fonts), face, size_pt, column.width_pt)
    if not (right_to_left or column.align_right):
        return tuple((column.left, line) for line in lines)
    widths = [width_pt(line, face, size_pt) for line in lines]
    # A paragraph from right to left stays in its place, and its lines begin at its right edge.
    edge = column.right if column.align_right else column.left + max(widths)
    return tuple((edge - width, line) for line, width in zip(lines, widths, strict=True))
