"""Scripts beyond Latin, Greek and Cyrillic: their fonts, and HarfBuzz, which sets letters of them.

The fonts are Noto's, in the packages manimgx-fonts and manimgx-fonts-cjk, under the Open Font
License. They are variable: each weight of an invoice is one point on their axis of weights. The
files are mapped into memory, so processes of one machine share what they read of them.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass, field
from importlib.resources import files
from typing import NamedTuple, Self

import uharfbuzz as hb

REGULAR, BOLD = 400, 700

#: The first that has a letter sets it. What several have, such as marks, belongs to the letters
#: before it. Symbols come before Chinese: U+2602 there is the one outline of 44 000 that takes more
#: operands at a time than the older form of outlines has room for, and so stays blank in a PDF.
_FILES = (
    *(
        ("manimgx_fonts", f"NotoSans{name}[wght].ttf")
        for name in (
            *("Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati"),
            *("Gurmukhi", "Hebrew", "Kannada", "Khmer", "Lao", "Malayalam", "Myanmar", "Oriya"),
            *("Sinhala", "Tamil", "Telugu", "Thai"),
        )
    ),
    ("manimgx_fonts", "NotoSansSymbols[wght].ttf"),
    ("manimgx_fonts", "NotoEmoji[wght].ttf"),
    ("manimgx_fonts_cjk", "NotoSansCJK-VF.otf.ttc"),
)

#: Choose between forms of a letter that these fonts do not have.
VARIATION_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
#: Join or part the letters beside them; anywhere else they are left out.
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
#: Letters of the scripts in which joiners say something: Arabic, the Indic ones, Khmer, Myanmar.
_JOINED = "\u0620-\u06ff\u0750-\u077f\u08a0-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff"
STRAY_JOINERS = re.compile(f"(?<![{_JOINED}])[{JOINERS}]|[{JOINERS}](?![{_JOINED}])")

#: Chinese, Japanese and Korean write some characters differently, and share their code points.
_LANGUAGES = (
    (re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]"), "ja"),
    (re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"), "ko"),
    (re.compile("[\u3100-\u312f\u31a0-\u31bf]"), "zh-Hant"),
)


class Glyph(NamedTuple):
    """A glyph by its number in the font, and where its origin is in its run; 1/1000 of the size."""

    number: int
    x: float
    y: float
    #: Where in the text the letters begin that it is a picture of, or a part of it.
    cluster: int


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one font and one direction as they are drawn, from left to right."""

    font: "ScriptFont"
    glyphs: tuple[Glyph, ...]
    #: 1/1000 of the size.
    width: float
    right_to_left: bool
    #: How far each cluster advances, and what it reads; clusters by where they begin.
    advances: dict[int, float] = field(compare=False)
    texts: dict[int, str] = field(compare=False)


@dataclass(frozen=True, slots=True)
class ScriptFont:
    """One font in one weight; the same by its key, for threads may open it at the same time."""

    key: str
    weight: int
    face: hb.Face = field(compare=False)
    font: hb.Font = field(compare=False)

    @classmethod
    def open(cls, package: str, file: str, weight: int) -> Self:
        face = _face(package, file)
        font = hb.Font(face)
        font.set_variations({"wght": weight})
        key = file.partition("[")[0].partition("-")[0]
        return cls(f"{key}-{'Bold' if weight == BOLD else 'Regular'}", weight, face, font)

    def covers(self, char: str) -> bool:
        return bool(self.font.get_nominal_glyph(ord(char)))

    @property
    def per_mille(self) -> float:
        """From the font's units."""
        upem: int = self.face.upem
        return 1000 / upem

    def shape(self, text: str, language: str, *, right_to_left: bool) -> Run:
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "rtl" if right_to_left else "ltr"
        buffer.language = language
        hb.shape(self.font, buffer)
        scale = self.per_mille
        pen, glyphs = 0.0, []
        advances: dict[int, float] = {}
        for info, at in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            x, y = pen + at.x_offset * scale, at.y_offset * scale
            glyphs.append(Glyph(info.codepoint, x, y, info.cluster))
            pen += at.x_advance * scale
            advances[info.cluster] = advances.get(info.cluster, 0.0) + at.x_advance * scale
        starts = sorted(advances)
        ends = [*starts[1:], len(text)]
        texts = {start: text[start:end] for start, end in zip(starts, ends, strict=True)}
        return Run(self, tuple(glyphs), pen, right_to_left, advances, texts)


@functools.cache
def script_fonts(weight: int) -> tuple[ScriptFont, ...]:
    """All of them in one weight, opened on first use: some milliseconds."""
    return tuple(ScriptFont.open(package, file, weight) for package, file in _FILES)


@functools.lru_cache(4096)
def place_of_font(char: str) -> int | None:
    """Which of the fonts sets `char`, in every weight; None if none does."""
    category = unicodedata.category(char)
    if category[0] == "C" or category in ("Zl", "Zp") or char in VARIATION_SELECTORS:
        return None
    fonts = script_fonts(REGULAR)
    return next((place for place, font in enumerate(fonts) if font.covers(char)), None)


def language_of(text: str) -> str:
    """The language in which Chinese characters of `text` are drawn, as far as it tells."""
    return next((language for letters, language in _LANGUAGES if letters.search(text)), "zh-Hans")


@functools.cache
def _face(package: str, file: str) -> hb.Face:
    return hb.Face(hb.Blob.from_file_path(str(files(package) / file)))
