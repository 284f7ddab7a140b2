"""What the parts of an invoice are, for programs that read it aloud or take it apart (ISO 32000-1,
14.7): paragraphs, a heading, a table. What stands in no part is decoration."""

from typing import Any, Self

from reportlab.pdfbase import pdfdoc


class Element(pdfdoc.PDFObject):
    """One part of the document's structure, made of other parts or of marked texts."""

    #: reportlab's sign of what stands in the file as a part of its own.
    __RefOnly__ = 1

    def __init__(self, kind: str, parent: "Element | Structure", entries: str = "") -> None:
        self.kind = kind
        self._parent = parent
        self._entries = entries
        self._kids: list[Element] = []
        #: Pages, and the places among the page's marked texts.
        self._marks: list[tuple[int, int]] = []

    def add(self, kind: str, entries: str = "") -> Self:
        """The next part inside this one."""
        kid = type(self)(kind, self, entries)
        self._kids.append(kid)
        return kid

    def mark(self, page: int, place: int) -> None:
        """The next of its texts is the one marked with `place` on `page`."""
        self._marks.append((page, place))

    def format(self, document: Any) -> bytes:
        refer, refer_to_page = document.refer, document.refer_to_page
        marks = self._marks
        page_entry = b""
        if len(marks) == 1:
            # Nearly always.
            (page, place), *_ = marks
            page_entry, kids = b" /Pg %b" % refer_to_page(page), [b"%d" % place]
        else:
            kids = [refer(kid) for kid in self._kids]
            kids += [
                b"<< /Type /MCR /Pg %b /MCID %d >>" % (refer_to_page(page), place)
                for page, place in marks
            ]
        parent = refer(self._parent)
        head = f"<< /Type /StructElem /S /{self.kind}{self._entries}".encode()
        return b"%b /P %b%b /K [ %b ] >>" % (head, parent, page_entry, b" ".join(kids))


class Structure(pdfdoc.PDFObject):
    """The root of all parts, and the way back to them from the texts on each page."""

    __RefOnly__ = 1

    def __init__(self) -> None:
        self.document = Element("Document", self)
        #: Of each page, the elements of its marked texts in order.
        self.pages: list[list[Element]] = []

    def format(self, document: Any) -> bytes:
        top = document.refer(self.document)
        numbers = b" ".join(
            b"%d [ %b ]" % (page, b" ".join(map(document.refer, elements)))
            for page, elements in enumerate(self.pages)
        )
        return (
            b"<< /Type /StructTreeRoot /K %b /ParentTree << /Nums [ %b ] >>"
            b" /ParentTreeNextKey %d >>" % (top, numbers, len(self.pages))
        )
