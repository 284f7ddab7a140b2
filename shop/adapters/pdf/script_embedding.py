"""Fonts of other scripts as they are embedded: the glyphs in use, at one weight, by number.

HarfBuzz cuts them out of the variable font, without the tables that shape and the ones that vary:
an invoice's glyphs are already chosen and placed.
"""

import functools
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import uharfbuzz as hb

from shop.adapters.pdf.document import Document, Ready
from shop.adapters.pdf.embedding import as_number, as_stream
from shop.adapters.pdf.shaping import ScriptFont

#: Sets of glyphs that are kept packed, a few KB each.
KEPT = 64

_SYMBOLIC = 1 << 2
_FLAGS = (
    hb.SubsetFlags.NO_HINTING
    | hb.SubsetFlags.NO_LAYOUT_CLOSURE
    | hb.SubsetFlags.NOTDEF_OUTLINE
    | hb.SubsetFlags.DESUBROUTINIZE
    # What PDF takes: the older form of such outlines, in which a glyph goes by its number.
    | hb.SubsetFlags.DOWNGRADE_CFF2
    | hb.SubsetFlags.CFF_IDENTITY_CHARSET
)
_DROPPED = frozenset(
    struct.unpack(">L", tag)[0]
    for tag in (
        *(b"BASE", b"GDEF", b"GPOS", b"GSUB", b"OS/2", b"STAT", b"VORG"),
        *(b"cmap", b"gasp", b"name", b"post", b"vhea", b"vmtx"),
    )
)


@dataclass(frozen=True, slots=True)
class PackedGlyphs:
    """An embedded set of glyphs, its parts written with gaps for what they refer to."""

    name: str
    #: As the page's operators name each glyph: its number in the set, as four hex digits.
    codes: Mapping[int, str]
    #: What a program that copies takes each glyph for.
    meanings: Mapping[int, str]
    #: Advance of each glyph, 1/1000 of the size, by its number in the whole font.
    widths: Mapping[int, float]
    font: bytes
    descendant: bytes
    descriptor: bytes
    unicode: bytes
    file: bytes

    def embed(self, document: Document, name: str) -> None:
        """Make the set known to the document's pages as `name`."""

        def place(written: bytes, what: str) -> bytes:
            return document.refer(Ready(written), f"{what}:{self.name}")

        descriptor = place(self.descriptor % place(self.file, "fontFile"), "fontDescriptor")
        descendant = place(self.descendant % descriptor, "descendant")
        font = place(self.font % (descendant, place(self.unicode, "toUnicode")), "font")
        fonts: Any = document.idToObject["BasicFonts"]
        fonts.dict[name] = font


@functools.lru_cache(KEPT)
def packed(font: ScriptFont, meanings: tuple[tuple[int, str], ...]) -> PackedGlyphs:
    """The glyphs of `meanings`, with what each stands for, in ascending order."""
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(glyph for glyph, _ in meanings)
    wanted.pin_all_axes_to_default(font.face)
    wanted.pin_axis_location(font.face, "wght", font.weight)
    wanted.flags = _FLAGS
    wanted.drop_table_tag_set.update(_DROPPED)
    plan = hb.SubsetPlan(font.face, wanted)
    subset = plan.execute()
    places = {glyph: plan.old_to_new_glyph_mapping[glyph] for glyph, _ in meanings}
    scale = font.per_mille
    widths = {glyph: font.font.get_glyph_h_advance(glyph) * scale for glyph in places}
    in_set = " ".join(f"{place} [{as_number(widths[glyph])}]" for glyph, place in places.items())
    # Six letters tell sets of one font apart.
    sum_of_all = zlib.crc32(repr(meanings).encode())
    letters = "".join(chr(ord("A") + sum_of_all // 26**digit % 26) for digit in range(6))
    name = f"{letters}+{font.key}"
    if "CFF " in subset.table_tags:
        outlines = subset.reference_table("CFF ").data
        kind, map_of_glyphs, file_key = "CIDFontType0", "", "FontFile3"
        file = as_stream(outlines, " /Subtype /CIDFontType0C")
    else:
        outlines = subset.blob.data
        kind, map_of_glyphs, file_key = "CIDFontType2", " /CIDToGIDMap /Identity", "FontFile2"
        file = as_stream(outlines, f" /Length1 {len(outlines)}")
    head = subset.reference_table("head").data
    box = " ".join(as_number(side * scale) for side in struct.unpack_from(">4h", head, 36))
    extents = font.font.get_font_extents("ltr")
    ascender, descender = as_number(extents.ascender * scale), as_number(extents.descender * scale)
    return PackedGlyphs(
        name=name,
        codes={glyph: f"{place:04x}" for glyph, place in places.items()},
        meanings=dict(meanings),
        widths=widths,
        font=(
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H"
            " /DescendantFonts [ %b ] /ToUnicode %b >>"
        ).encode(),
        descendant=(
            f"<< /Type /Font /Subtype /{kind} /BaseFont /{name} /CIDSystemInfo"
            " << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
            f"{map_of_glyphs} /DW 1000 /W [ {in_set} ] /FontDescriptor %b >>"
        ).encode(),
        descriptor=(
            f"<< /Type /FontDescriptor /FontName /{name} /Flags {_SYMBOLIC} /FontBBox [ {box} ]"
            f" /ItalicAngle 0 /Ascent {ascender} /Descent {descender} /CapHeight {ascender}"
            f" /StemV 80 /{file_key} %b >>"
        ).encode(),
        unicode=as_stream(_to_unicode({places[glyph]: text for glyph, text in meanings if text})),
        file=file,
    )


def _to_unicode(texts: Mapping[int, str]) -> bytes:
    """Which text each glyph stands for."""
    lines = [
        f"<{place:04x}> <{text.encode('utf-16-be').hex()}>" for place, text in sorted(texts.items())
    ]
    # A block has a hundred lines at most.
    blocks = [lines[first : first + 100] for first in range(0, len(lines), 100)]
    return "\n".join(
        (
            "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def",
            "1 begincodespacerange\n<0000> <ffff>\nendcodespacerange",
            *(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks),
            "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n",
        )
    ).encode()
