"""Fonts as they are embedded: what is the same in many invoices is made once a process.

Cutting the glyphs in use out of two fonts, and packing them, took nearly all of an invoice's
time. So each invoice has all of ASCII in both, whether it needs it or not, and what was packed
once is found again; an invoice with further letters is found again by its letters. Without the
fonts' hints, which printers and viewers of today do without, it is no larger for that.
"""

import copy
import functools
import io
import itertools
import struct
import zlib
from dataclasses import dataclass
from typing import Any

from reportlab.lib.rl_accel import escapePDF
from reportlab.pdfbase.ttfonts import SUBSETN, TTFont, TTFontMaker, makeToUnicodeCMap

from shop.adapters.pdf.document import Document, Ready

#: In every invoice; a space has a place of its own.
COMMON = "".join(map(chr, range(0x21, 0x7F)))
#: Sets of letters that are kept packed, some 25 KB each.
KEPT = 64

#: A letter's code in its subset, as it is written between parentheses.
CODES = [escapePDF(bytes([code])) for code in range(256)]

_HINTS = ("fpgm", "prep", "cvt ")
_MORE_COMPONENTS, _INSTRUCTIONS = 0x20, 0x100
_WORDS, _SCALE, _TWO_SCALES, _MATRIX = 0x01, 0x08, 0x40, 0x80


class SharedFont(TTFont):
    """A font that several documents, on several threads, may use at the same time."""

    def __init__(self, name: str, data: bytes, *, common: str = "") -> None:
        """`common` is embedded in every document that uses the font."""
        # `asciiReadable` would add controls to ASCII.
        super().__init__(name, io.BytesIO(data), asciiReadable=False, shapable=False)
        # reportlab registers one font a face name; a name of our own keeps this font ours
        # even where another part of the process has registered the same typeface.
        self.face.name = b"Invoice-" + self.face.name
        self._begun = self._begin_with(common)
        self._common = {chr(char): CODES[at] for char, at in self._begun.assignments.items()}
        self._common["\N{NO-BREAK SPACE}"] = self._common[" "]  # as reportlab has it
        self.packed = functools.lru_cache(KEPT)(self._pack)

    def begin(self, doc: Document) -> dict[str, str]:
        """Put the letters of every document into `doc`; what is written there for each of them."""
        state = self.state[doc] = copy.copy(self._begun)
        state.assignments = self._begun.assignments.copy()
        state.subsets = [subset.copy() for subset in self._begun.subsets]
        return self._common.copy()

    def addObjects(self, doc: Document) -> None:  # noqa: N802 - reportlab's name
        """Embed the subsets that `doc` uses."""
        state = self.state[doc]
        state.frozen = 1
        for number, subset in enumerate(state.subsets):
            name = self.getSubsetInternalName(number, doc)[1:]
            font = self._embed(doc, name, self.packed(number, tuple(subset)))
            fonts: Any = doc.idToObject["BasicFonts"]
            fonts.dict[name] = font
        del self.state[doc]

    def _begin_with(self, common: str) -> Any:
        """What reportlab notes of a document that has `common` in it, and nothing else."""
        doc = _Document()
        self.splitString(common, doc)
        return self.state[doc]

    def _embed(self, doc: Document, name: str, packed: "_Packed") -> bytes:
        def place(written: bytes, what: str) -> bytes:
            return doc.refer(Ready(written), f"{what}:{packed.name}")

        file, unicode = place(packed.file, "fontFile"), place(packed.unicode, "toUnicode")
        descriptor = place(packed.descriptor % file, "fontDescriptor")
        return place(packed.font % (name.encode(), descriptor, unicode), "font")

    def _pack(self, number: int, subset: tuple[int, ...]) -> "_Packed":
        face = self.face
        name = b"".join((SUBSETN(number), b"+", face.name, face.subfontNameX)).decode("pdfdoc")
        # Subsetting moves a read cursor that the face keeps: each gets its own.
        file = without_hints(copy.copy(face).makeSubset(subset))
        widths = " ".join(
            as_number(face.charWidths.get(code, face.defaultWidth)) for code in subset
        )
        box = " ".join(map(as_number, face.bbox))
        # Its codes are its own, and no standard encoding.
        flags = face.flags & ~_NONSYMBOLIC | _SYMBOLIC
        return _Packed(
            name=name,
            font=(
                f"<< /Type /Font /Subtype /TrueType /BaseFont /{name} /Name /%s /FirstChar 0"
                f" /LastChar {len(subset) - 1} /Widths [ {widths} ] /FontDescriptor %s"
                " /ToUnicode %s >>"
            ).encode(),
            descriptor=(
                f"<< /Type /FontDescriptor /FontName /{name} /Flags {flags} /FontBBox [ {box} ]"
                f" /ItalicAngle {as_number(face.italicAngle)} /Ascent {as_number(face.ascent)}"
                f" /Descent {as_number(face.descent)} /CapHeight {as_number(face.capHeight)}"
                f" /StemV {as_number(face.stemV)} /MissingWidth {as_number(face.defaultWidth)}"
                " /FontFile2 %s >>"
            ).encode(),
            unicode=as_stream(makeToUnicodeCMap(name, subset).encode()),
            file=as_stream(file, f" /Length1 {len(file)}"),
        )


@dataclass(frozen=True, slots=True)
class _Packed:
    """The parts of an embedded subset as they are written, with gaps for what they refer to."""

    name: str
    font: bytes
    descriptor: bytes
    unicode: bytes
    file: bytes


class _Document:
    """Stands for a document that is never written."""


_NONSYMBOLIC, _SYMBOLIC = 1 << 5, 1 << 2


def as_number(value: float) -> str:
    """As a PDF has it, without digits that say nothing."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def as_stream(data: bytes, entries: str = "") -> bytes:
    """A part of the file that is packed, with further entries of its dictionary."""
    packed = zlib.compress(data, 9)
    head = f"<< /Filter /FlateDecode /Length {len(packed)}{entries} >>"
    return head.encode() + b"\nstream\n" + packed + b"\nendstream\n"


def without_hints(font: bytes) -> bytes:
    """A TrueType font without the programs that fit its outlines to coarse grids."""
    tables = _tables(font)
    for tag in _HINTS:
        tables.pop(tag, None)
    is_long = struct.unpack_from(">H", tables["head"], 50)[0] == 1
    count = struct.unpack_from(">H", tables["maxp"], 4)[0] + 1
    offsets = [
        offset if is_long else 2 * offset
        for offset in struct.unpack_from(f">{count}{'L' if is_long else 'H'}", tables["loca"])
    ]
    glyphs = [_unhinted(tables["glyf"][start:end]) for start, end in itertools.pairwise(offsets)]
    places = [0]
    for glyph in glyphs:
        places.append(places[-1] + len(glyph))
    tables["glyf"] = b"".join(glyphs)
    tables["loca"] = struct.pack(f">{len(places)}L", *places)
    tables["head"] = tables["head"][:50] + struct.pack(">H", 1) + tables["head"][52:]
    maker = TTFontMaker()
    for tag, table in tables.items():
        maker.add(tag, table)
    return bytes(maker.makeStream())


def _tables(font: bytes) -> dict[str, bytes]:
    found = {}
    for number in range(struct.unpack_from(">H", font, 4)[0]):
        tag, _, offset, length = struct.unpack_from(">4sLLL", font, 12 + 16 * number)
        found[tag.decode("latin-1")] = font[offset : offset + length]
    return found


def _unhinted(glyph: bytes) -> bytes:
    """One glyph's outline, or its composition of others, to a multiple of four bytes."""
    if not glyph:
        return glyph
    contours = struct.unpack_from(">h", glyph)[0]
    if contours >= 0:
        at = 10 + 2 * contours
        length = struct.unpack_from(">H", glyph, at)[0]
        glyph = glyph[:at] + b"\0\0" + glyph[at + 2 + length :]
    else:
        glyph = _composed(bytearray(glyph))
    return glyph + b"\0" * (-len(glyph) % 4)


def _composed(glyph: bytearray) -> bytes:
    at, flags = 10, _MORE_COMPONENTS
    while flags & _MORE_COMPONENTS:
        flags = struct.unpack_from(">H", glyph, at)[0]
        struct.pack_into(">H", glyph, at, flags & ~_INSTRUCTIONS)
        at += 8 if flags & _WORDS else 6
        at += 2 if flags & _SCALE else 4 if flags & _TWO_SCALES else 8 if flags & _MATRIX else 0
    return bytes(glyph[:at])
