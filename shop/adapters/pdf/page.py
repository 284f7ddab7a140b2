"""Sheets of paper on which text flows from line to line and from page to page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from shop.adapters.pdf.fonts import FontSet, Typeface
from shop.adapters.pdf.text import drawable, width_pt, wrap

#: A4, upright; y grows upwards from the lower edge.
WIDTH_PT, HEIGHT_PT = 595.28, 841.89
LEFT_PT, RIGHT_PT = 52.0, WIDTH_PT - 52.0
TOP_PT, BOTTOM_PT = HEIGHT_PT - 64.0, 72.0

#: Red, green and blue, each from 0 to 1.
Colour: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Style:
    """How a line looks."""

    face: Typeface
    size_pt: float
    leading_pt: float
    colour: Colour


class Text(NamedTuple):
    """One line in visual order; x and y are the left end of its baseline."""

    x: float
    y: float
    line: str
    style: Style


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

    def flow(self, texts: Sequence[str], style: Style, column: Column, at: Cursor) -> Cursor:
        """Set each text as a paragraph in `column` from `at` on; where the next one begins."""
        for text in texts:
            clean = drawable(text, self._fonts)
            lines, right_to_left = wrap(clean, style.face, style.size_pt, column.width_pt)
            edges = column
            if right_to_left and not column.align_right:
                # The paragraph stays in its place, and its lines begin at its right edge.
                widest = max(width_pt(line, style.face, style.size_pt) for line in lines)
                edges = Column(column.left, column.left + widest, align_right=True)
            for line in lines:
                at = self.room(at, style.leading_pt)
                # The baseline leaves about a quarter of the leading for what hangs below it.
                self.put(line, style, edges, Cursor(at.page, at.y - 0.76 * style.leading_pt))
                at = Cursor(at.page, at.y - style.leading_pt)
        return at

    def put(self, line: str, style: Style, column: Column, at: Cursor) -> None:
        """Set one line, in visual order, on the baseline `at`."""
        x = column.left
        if column.align_right:
            x = column.right - width_pt(line, style.face, style.size_pt)
        self.pages[at.page].texts.append(Text(x, at.y, line, style))

    def rule(self, column: Column, at: Cursor, thickness_pt: float, colour: Colour) -> None:
        """A horizontal line."""
        box = Box(column.left, at.y, column.width_pt, thickness_pt, colour)
        self.pages[at.page].boxes.append(box)

    def _add_page(self) -> None:
        page = Page()
        self._head(page)
        self.pages.append(page)
