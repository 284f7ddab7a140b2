"""What the parts of an invoice are, for programs that read it aloud or take it apart (ISO 32000-1,
14.7): paragraphs, a heading, a table. What stands in no part is decoration.

Most invoices have the same parts in the same places, so what is written of them is kept.
"""

import functools
from typing import NamedTuple

#: So many shapes are kept, of so many parts at most: a table of a hundred rows is no usual one.
_KEPT, _USUAL = 16, 64


class _Shape(NamedTuple):
    """All that a part's entry says."""

    kind: str
    entries: str
    #: Its place among the parts; 0 is the root.
    parent: int
    #: Pages, and the places among the page's marked texts.
    marks: tuple[tuple[int, int], ...]


class Element:
    """One part of the document's structure, made of other parts or of marked texts."""

    __slots__ = ("_entries", "_parent", "_structure", "kind", "marks", "place")

    def __init__(self, structure: "Structure", kind: str, entries: str, parent: int) -> None:
        self._structure = structure
        self.kind = kind
        self._entries = entries
        self._parent = parent
        structure.elements.append(self)
        #: Among the parts, the first of which has 1.
        self.place = len(structure.elements)
        self.marks: list[tuple[int, int]] = []

    def add(self, kind: str, entries: str = "") -> "Element":
        """The next part inside this one."""
        return Element(self._structure, kind, entries, self.place)

    def shape(self) -> _Shape:
        return _Shape(self.kind, self._entries, self._parent, tuple(self.marks))


class Structure:
    """All parts, and the way back to them from the texts on each page."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        #: Of each page, the parts of its marked texts in order.
        self.pages: list[list[int]] = []
        self.document = Element(self, "Document", "", 0)

    def begin_page(self) -> None:
        self.pages.append([])

    def mark(self, element: Element) -> int:
        """The next marked text of the last page is one of `element`; its place on the page."""
        marked = self.pages[-1]
        element.marks.append((len(self.pages) - 1, len(marked)))
        marked.append(element.place)
        return len(marked) - 1

    def written(self, first: int, page_numbers: tuple[int, ...]) -> tuple[bytes, ...]:
        """The root and the parts as they stand in a file, in which the root has number `first`."""
        shapes = tuple([element.shape() for element in self.elements])
        marked = tuple(map(tuple, self.pages))
        write = _written if len(shapes) <= _USUAL else _written.__wrapped__
        return write(shapes, marked, first, page_numbers)


@functools.lru_cache(_KEPT)
def _written(
    shapes: tuple[_Shape, ...],
    marked: tuple[tuple[int, ...], ...],
    first: int,
    page_numbers: tuple[int, ...],
) -> tuple[bytes, ...]:
    kids: list[list[str]] = [[] for _ in range(len(shapes) + 1)]
    for place, shape in enumerate(shapes, start=1):
        kids[shape.parent].append(f"{first + place} 0 R")
        kids[place] = [
            f"<< /Type /MCR /Pg {page_numbers[page]} 0 R /MCID {mark} >>"
            for page, mark in shape.marks
        ]
        if len(shape.marks) == 1:
            kids[place] = [str(shape.marks[0][1])]
    numbers = " ".join(
        f"{page} [ {' '.join(f'{first + place} 0 R' for place in places)} ]"
        for page, places in enumerate(marked)
    )
    root = (
        f"<< /Type /StructTreeRoot /K {kids[0][0]} /ParentTree << /Nums [ {numbers} ] >>"
        f" /ParentTreeNextKey {len(marked)} >>"
    )
    parts = [root]
    for place, (kind, entries, parent, marks) in enumerate(shapes, start=1):
        page = f" /Pg {page_numbers[marks[0][0]]} 0 R" if len(marks) == 1 else ""
        parts.append(
            f"<< /Type /StructElem /S /{kind}{entries} /P {first + parent} 0 R{page}"
            f" /K [ {' '.join(kids[place])} ] >>"
        )
    return tuple(part.encode() for part in parts)
