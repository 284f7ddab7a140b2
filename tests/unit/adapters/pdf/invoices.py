"""Invoices that are hard to draw, and ways to look into what was drawn."""

import io
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from typing import Any

import pypdf
from reportlab.pdfbase import pdfmetrics

from shop.adapters.pdf.fonts import load_fonts
from shop.adapters.pdf.page import BOTTOM_PT, HEIGHT_PT, LEFT_PT, RIGHT_PT, Page
from shop.adapters.pdf.text import runs, width_pt
from shop.domain.invoice import Invoice, InvoiceLine, Party

INVOICE = Invoice(
    number="INV-1001",
    order_id="1001",
    issued_on=date(2026, 11, 23),
    seller=Party("Lampenhaus GmbH", ("Lindenstraße 12, Berlin", "VAT DE 123 456 789")),
    customer=Party("Anna Petrova", ("anna@example.com",)),
    lines=(InvoiceLine("Desk lamp, oak", 3, 1990), InvoiceLine("SKU-7", 1000, 150)),
    currency="EUR",
)

#: Two texts of equal length in each script that the fonts cover.
SCRIPTS = {
    "latin": ("Łódź Öster", "Zażółć Ñuñ"),
    "vietnamese": ("Nguyễn Thị", "Đặng Trườn"),
    "greek": ("Αθήνα Ψυχή", "Όλγα Ξένιώ"),
    "cyrillic": ("Щука Ёлкин", "Жанна Эйфь"),
    "ukrainian": ("Ґанок Їжак", "Єва Ірпінь"),
    "kazakh": ("Әсем Құрал", "Өмір Үшқын"),
    "hebrew": ("דניאל כהןו", "שמעון לוית"),
    "arabic": ("القاهرةتجم", "دمشقكلمنصع"),
    "georgian": ("თბილისიაბგ", "ქუთაისიდევ"),
    "thai": ("กรงเทพมหาน", "ประเทศไทยๆ"),
    "devanagari": ("नमसकारअआइई", "दललएकखगघचछ"),
}

#: Nothing here may raise, leave the page, or vanish without a trace.
HOSTILE = {
    "markup": "<b>Tom & Jerry</b> &amp; <para/> <![CDATA[x]]> ]]>",
    "pdf syntax": ") Tj ET endstream endobj \\( \\) %%EOF << /Type /Page >>",
    "format": "%s {0} {name} $HOME \\n",
    "controls": "a\x00b\x07c\x1bd\x7fe\x85f\x9fg",
    "line ends": "one\r\ntwo\nthree\tfour\vfive\u2028six\u2029seven",
    "lone surrogates": "a\ud800b\udfffc",
    "noncharacters": "a\ufffeb\uffffc\U0010ffffd",
    "private use": "a\ue000b\U000f0000c",
    "emoji": "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9",
    "chinese": "北京市海淀区 東京都 서울특별시",
    "stacked marks": "e" + "\u0301\u0316\u0334" * 40,
    "marks alone": "\u0301" * 300,
    "overrides": "abc \u202egnp.exe\u202c \u2067x\u2069 \u200f\u200e",
    "invisible": "\u200b\u2060\ufeff\u00ad",
    "hebrew with points": "שָׁלוֹם עֲלֵיכֶם",
    "arabic with vowels": "مُحَمَّد \u200cمی\u200cخواهم لا الله ﷺ",
    "arabic and latin": "حاسوب (HP) 15 بوصة [i7] " * 40,
    "word without end": "x" * 5000,
    "dashes": "-" * 3000,
    "empty": "",
    "spaces": " " * 3000,
}


def with_text(text: str) -> Invoice:
    """An invoice that has `text` in every place where text of others can stand."""
    party = Party(text, (text, text))
    return replace(
        INVOICE,
        number=text,
        order_id=text,
        seller=party,
        customer=party,
        lines=(InvoiceLine(text, 3, 1990),),
    )


def reader(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf), strict=True)


def forget_packed() -> None:
    """Have the fonts' subsets made anew, as in a process that made no such invoice yet."""
    fonts = load_fonts()
    for face in (fonts.regular, fonts.bold):
        for name in (face.name, face.fallback_name):
            font: Any = pdfmetrics.getFont(name)
            font.packed.cache_clear()


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in reader(pdf).pages)


def check_pages(pages: list[Page]) -> None:
    """Every line is inside the margins, of glyphs that its fonts have, over no other text."""
    for page in pages:
        for op in page.texts:
            width = width_pt(op.line, op.style.face, op.style.size_pt)
            assert op.x >= LEFT_PT - 0.01, op.line
            assert op.x + width <= RIGHT_PT + 0.01, op.line
            assert BOTTOM_PT - 40 < op.y < HEIGHT_PT - 30, op.line
            for name, run in runs(op.line, op.style.face):
                font: Any = pdfmetrics.getFont(name)
                glyphs = font.face.charToGlyph
                assert [char for char in run if not glyphs.get(ord(char))] == []


def run_python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints; it may take a minute."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
