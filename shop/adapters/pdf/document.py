"""reportlab's document, with what all invoices have in common written once a process.

reportlab writes a file part by part, each from a dictionary of objects that write themselves;
for the few parts that an invoice has beside fonts and text, that took half of its time. So
reportlab writes each of them once, with gaps, and an invoice fills the gaps: what is kept has
nothing of any invoice in it. How parts are numbered and referred to stays reportlab's.
"""

import functools
import zlib
from dataclasses import dataclass
from typing import Any

from reportlab.pdfbase import pdfdoc

from shop.adapters.pdf.structure import Structure

LANGUAGE = "en"
#: The first in which a page says in which order its parts are read.
VERSION = (1, 5)
#: Sellers' names in other letters that are kept as the file's properties have them.
_KEPT = 16
_GAP = "%b"


class Document(pdfdoc.PDFDocument):
    """An invoice on its way into a file, without a clock and without chance."""

    def __init__(self, width_pt: float, height_pt: float, *, created: str) -> None:
        super().__init__(invariant=True, lang=LANGUAGE, pdfVersion=VERSION)
        self.structure = Structure()
        self.first_of_structure = 0
        self.forms = _forms(width_pt, height_pt)
        self.info = _Info(created)
        self.Catalog = self._catalog = _Catalog()
        self.Pages = _Pages()

    def add_page(self, content: str) -> None:
        """One more sheet, with operators of PDF, in ASCII, on it."""
        self.addPage(_Page(content, len(self.Pages.pages)))

    def written(self) -> bytes:
        """The file. Nothing can be added after."""
        # Only bookmarks would be looked up on a canvas, and there are none.
        file: bytes = self.GetPDFData(None)
        return file

    def place_structure(self) -> None:
        """Give numbers to the parts of the structure, all of which are there."""
        self.first_of_structure = self.objectcounter + 1
        self.objectcounter += 1 + len(self.structure.elements)

    def structure_written(self) -> tuple[bytes, ...]:
        """The parts of the structure, in the order of their numbers."""
        pages = tuple(self.number_of(page) for page in self.Pages.pages)
        return self.structure.written(self.first_of_structure, pages)

    def format(self) -> bytes:
        """All parts, the table of where they stand, and the trailer: as inherited, in few steps.

        The inherited one makes two objects a part, and encodes what is encoded.
        """
        start = pdfdoc.PDFFile(VERSION).format(self)
        file, table, offset, number = [start], [], len(start), 1
        parts_of_structure = self.structure_written()
        # Parts may add others while they are written.
        while number <= self.objectcounter:
            place = number - self.first_of_structure
            if 0 <= place < len(parts_of_structure):
                body = parts_of_structure[place]
            else:
                part: Any = self.idToObject[self.numberToId[number]]
                body = part.format(self)
            end = b"" if body.endswith(b"\n") else b"\n"
            written = b"%d 0 obj\n%b%bendobj\n" % (number, body, end)
            table.append(b"%010d 00000 n \n" % offset)
            file.append(written)
            offset += len(written)
            number += 1
        file.append(b"xref\n0 %d\n0000000000 65535 f \n" % number)
        file += table
        catalog, info = self.refer(self.Catalog), self.refer(self.info)
        file.append(self.forms.trailer % (self.ID(), info, catalog, number, offset))
        return b"".join(file)

    def refer(self, part: Any, name: str | None = None) -> bytes:
        """How other parts of the file refer to `part`, which gets a number if it has none."""
        return b"%d 0 R" % self.number_of(part, name)

    def number_of(self, part: Any, name: str | None = None) -> int:
        """The number of `part` in the file, which it gets now if it has none."""
        known: str | None = getattr(part, "__InternalName__", None)
        if known is None:
            document: Any = self
            known = document.Reference(part, name).name
        number: int = self.idToObjectNumberAndVersion[known][0]
        return number


class Ready(pdfdoc.PDFObject):
    """A part that is already written."""

    def __init__(self, written: bytes) -> None:
        self._written = written

    def format(self, _document: Any) -> bytes:
        return self._written


@dataclass(frozen=True, slots=True)
class _Forms:
    """The parts as reportlab writes them, with gaps for what differs, in the order of the gaps."""

    #: The page tree, and the structure.
    catalog: bytes
    #: Author, both dates, creator, subject and title; the creator is filled in.
    info: bytes
    #: The only page.
    pages: bytes
    #: Content, page tree, number among the pages.
    page: bytes
    #: Length, and what is compressed.
    stream: bytes
    #: Fingerprint, properties, catalog, number of parts and one, where their table is.
    trailer: bytes


class TaggedPage(pdfdoc.PDFPage):
    """reportlab's page, whose texts are parts of the document's structure."""

    __NoDefault__ = [*pdfdoc.PDFPage.__NoDefault__, "StructParents", "Tabs"]  # noqa: RUF012 - as inherited

    def __init__(self, number: int | str) -> None:
        super().__init__()
        self.StructParents = number
        self.Tabs = pdfdoc.PDFName("S")


def describe(catalog: Any, structure: Any) -> None:
    """Have the catalog say that texts are marked, and that viewers show the title."""
    catalog.MarkInfo = "<< /Marked true >>"
    catalog.StructTreeRoot = structure
    catalog.ViewerPreferences = "<< /DisplayDocTitle true >>"


@functools.lru_cache(1)
def _forms(width_pt: float, height_pt: float) -> _Forms:
    document: Any = pdfdoc.PDFDocument(invariant=True, lang=LANGUAGE)

    # What is no object of reportlab's is written as it stands: so are the gaps.
    catalog = document.Catalog
    catalog.Pages, catalog.Outlines = _GAP, None
    describe(catalog, _GAP)

    info: Any = pdfdoc.PDFInfo()
    info.author = info.subject = info.title = _GAP
    info.creator = "ShopTaskManager"
    info._dateFormatter = lambda *_now: _GAP  # noqa: SLF001 - its setter is the document's

    pages = pdfdoc.PDFPages()
    pages.addPage(_GAP)

    page: Any = TaggedPage("%d")
    page.pagewidth, page.pageheight, page.Rotate = width_pt, height_pt, 0
    page.hasImages = True  # for the same bytes as from a canvas
    page.setPageTransition(None)
    page.Contents = page.Parent = _GAP
    page._shadingUsed = {}  # noqa: SLF001 - what a canvas sets
    page.ExtGState = None

    head = pdfdoc.PDFDictionary(
        {"Filter": pdfdoc.PDFArray([pdfdoc.PDFName("FlateDecode")]), "Length": "%d"}
    )
    trailer = pdfdoc.PDFTrailer(startxref="%d", Size="%d", Root=_GAP, Info=_GAP, ID=_GAP)
    return _Forms(
        catalog=catalog.format(document),
        info=info.format(document),
        pages=pages.format(document),
        page=page.format(document),
        stream=head.format(document) + b"\nstream\n%bendstream\n",
        trailer=trailer.format(document).replace(b"%%EOF", b"%%%%EOF"),
    )


class _Catalog(pdfdoc.PDFCatalog):
    def format(self, document: Document) -> bytes:
        return document.forms.catalog % (
            document.refer(document.Pages),
            b"%d 0 R" % document.first_of_structure,
        )


class _Info(pdfdoc.PDFInfo):
    def __init__(self, created: str) -> None:
        super().__init__()
        self.created = created

    def format(self, document: Document) -> bytes:
        created = _text(self.created)
        return document.forms.info % (
            *(_text(self.author), created, created),
            *(_text(self.subject), _text(self.title)),
        )


class _Pages(pdfdoc.PDFPages):
    def format(self, document: Document) -> bytes:
        if len(self.pages) > 1:
            several: bytes = super().format(document)
            return several
        return document.forms.pages % document.refer(self.pages[0])


class _Page(pdfdoc.PDFObject):
    #: reportlab's sign of what stands in the file as a part of its own.
    __RefOnly__ = 1

    def __init__(self, content: str, number: int) -> None:
        self._content = content
        self._number = number

    def format(self, document: Document) -> bytes:
        tree = document.refer(document.Pages)
        packed = zlib.compress(self._content.encode("ascii"))
        content = Ready(document.forms.stream % (len(packed), packed))
        return document.forms.page % (document.refer(content), tree, self._number)


_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\()"})


def _text(text: str) -> bytes:
    """A property's text, as it stands between parentheses."""
    if text.isascii() and text.isprintable():
        return text.translate(_SPECIAL).encode("ascii")
    return _foreign(text)


@functools.lru_cache(_KEPT)
def _foreign(text: str) -> bytes:
    written: bytes = pdfdoc.PDFString(text).format(pdfdoc.DummyDoc())
    return written[1:-1]
