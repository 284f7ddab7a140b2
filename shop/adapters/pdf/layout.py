"""Where everything stands on an invoice."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from shop.adapters.pdf.fonts import FontSet
from shop.adapters.pdf.page import (
    BOTTOM_PT,
    HEIGHT_PT,
    LEFT_PT,
    RIGHT_PT,
    WIDTH_PT,
    Box,
    Colour,
    Column,
    Cursor,
    Page,
    Sheets,
    Style,
    Text,
    later,
)
from shop.adapters.pdf.structure import Element, Structure
from shop.adapters.pdf.text import drawable, shorten, width_pt
from shop.domain.invoice import Invoice, InvoiceLine, Party
from shop.domain.money import format_amount, format_quantity

_INK: Colour = (0.10, 0.13, 0.18)
_GREY: Colour = (0.40, 0.44, 0.50)
_ACCENT: Colour = (0.09, 0.29, 0.44)
_HAIRLINE: Colour = (0.86, 0.88, 0.90)
_TINT: Colour = (0.95, 0.96, 0.97)

_FULL = Column(LEFT_PT, RIGHT_PT)
_SELLER = Column(LEFT_PT, LEFT_PT + 268)
_META_LABEL = Column(RIGHT_PT - 196, RIGHT_PT - 124)
_META_VALUE = Column(RIGHT_PT - 120, RIGHT_PT, align_right=True)
_TITLE = Column(RIGHT_PT - 196, RIGHT_PT, align_right=True)
_TOTAL = Column(RIGHT_PT - 240, RIGHT_PT)

_BAND_PT = 7.0
_TABLE_HEAD_PT = 22.0
_CELL_PAD_PT = 10.0
_ROW_PAD_PT = 7.0
#: Least and greatest widths of the columns of numbers, from the right: amount, unit price,
#: quantity. Wider figures are broken into lines, so that the description always has room.
_NUMBER_WIDTHS_PT = {3: (74.0, 116.0), 2: (70.0, 110.0), 1: (44.0, 70.0)}
#: Stands for an amount that nobody knows: nothing is no price.
NO_PRICE = "no price set"
_Cells: TypeAlias = tuple[str, str, str, str]
_HEADINGS: _Cells = ("Item", "Quantity", "Unit price", "Amount")


@dataclass(frozen=True, slots=True)
class _Styles:
    title: Style
    name: Style
    party: Style
    small: Style
    fact: Style
    label: Style
    body: Style
    #: Item, quantity, unit price and amount.
    cells: tuple[Style, Style, Style, Style]
    total: Style
    footer: Style

    @classmethod
    @functools.lru_cache(1)
    def of(cls, fonts: FontSet) -> "_Styles":
        regular, bold = fonts.regular, fonts.bold
        body, strong = Style(regular, 9.5, 14, _INK), Style(bold, 9.5, 14, _INK)
        return cls(
            title=Style(bold, 22, 30, _ACCENT),
            name=Style(bold, 14, 19, _INK),
            party=Style(bold, 11, 16, _INK),
            small=Style(regular, 9, 13.5, _GREY),
            fact=Style(regular, 9, 14, _GREY),
            label=Style(bold, 7.5, 14, _GREY),
            body=body,
            cells=(body, body, body, strong),
            total=Style(bold, 13, 19, _ACCENT),
            footer=Style(regular, 7.5, 11, _GREY),
        )


def compose(invoice: Invoice, fonts: FontSet, structure: Structure) -> list[Page]:
    """Lay the invoice out on as many pages as it takes, one at least."""
    styles = _Styles.of(fonts)
    sheets = Sheets(fonts, _band)
    parts = structure.document
    seller = _party(
        *(sheets, invoice.seller, _SELLER, sheets.start, styles.name, styles.small),
        parts.add("P"),
    )
    facts = _facts(sheets, invoice, styles, parts)
    at = _gap(later(seller, facts), 26)
    at = sheets.room(at, 60)
    customer = parts.add("P")
    at = sheets.flow(["BILL TO"], styles.label, _FULL, at, customer)
    at = _party(sheets, invoice.customer, _FULL, at, styles.party, styles.small, customer)
    at = _table(sheets, invoice, fonts, styles, _gap(at, 26), parts.add("Table"))
    _totals(sheets, invoice, styles, at, parts)
    _footers(sheets.pages, invoice, fonts, styles.footer)
    return sheets.pages


def _gap(at: Cursor, height_pt: float) -> Cursor:
    return Cursor(at.page, at.y - height_pt)


def _band(page: Page) -> None:
    page.boxes.append(Box(0, HEIGHT_PT - _BAND_PT, WIDTH_PT, _BAND_PT, _ACCENT))


def _party(
    sheets: Sheets,
    party: Party,
    column: Column,
    at: Cursor,
    name: Style,
    details: Style,
    element: Element,
) -> Cursor:
    at = sheets.flow([party.name], name, column, at, element)
    return sheets.flow(party.details, details, column, _gap(at, 2), element)


def _facts(sheets: Sheets, invoice: Invoice, styles: _Styles, parts: Element) -> Cursor:
    """Title, number, date, order, currency and tax number, at the top right."""
    title = parts.add("H1")
    at = sheets.flow(["INVOICE"], styles.title, _TITLE, _gap(sheets.start, -8.4), title)
    at = _gap(at, 6)
    facts = (
        ("Invoice number", invoice.number),
        ("Date of issue", invoice.issued_on.isoformat()),
        ("Order", invoice.order_id),
        ("Currency", invoice.currency),
        ("Tax number", invoice.tax_number),
    )
    for label, value in facts:
        if value is None:
            continue
        at = sheets.room(at, styles.body.leading_pt)
        fact = parts.add("P")
        sheets.flow([label], styles.fact, _META_LABEL, at, fact)
        at = _gap(sheets.flow([value], styles.body, _META_VALUE, at, fact), 2)
    return at


def _table(
    sheets: Sheets,
    invoice: Invoice,
    fonts: FontSet,
    styles: _Styles,
    at: Cursor,
    table: Element,
) -> Cursor:
    rows = [_cells(line, invoice.currency) for line in invoice.lines]
    columns = _columns(rows, fonts, styles)

    def head(page: Page, top: float, row: Element | None = None) -> float:
        bottom = top - _TABLE_HEAD_PT
        page.boxes.append(Box(LEFT_PT, bottom, _FULL.width_pt, _TABLE_HEAD_PT, _TINT))
        for heading, column in zip(_HEADINGS, columns, strict=True):
            x = column.left
            if column.align_right:
                x = column.right - width_pt(heading, styles.label.face, styles.label.size_pt)
            cell = row and row.add("TH", " /A << /O /Table /Scope /Column >>")
            page.texts.append(Text(x, bottom + 8, heading, styles.label, cell))
        return bottom - _ROW_PAD_PT

    def head_of_page(page: Page) -> None:
        _band(page)
        page.top = head(page, page.top)

    at = sheets.room(at, _TABLE_HEAD_PT + 3 * styles.body.leading_pt)
    at = Cursor(at.page, head(sheets.pages[at.page], at.y, table.add("TR")))
    sheets.head_pages_with(head_of_page)
    for row in rows:
        start = sheets.room(at, styles.body.leading_pt)
        part = table.add("TR")
        at = later(
            *(
                sheets.flow([cell], style, column, start, part.add("TD"))
                for cell, style, column in zip(row, styles.cells, columns, strict=True)
            )
        )
        at = _gap(at, _ROW_PAD_PT)
        sheets.rule(_FULL, at, 0.6, _HAIRLINE)
        at = _gap(at, _ROW_PAD_PT)
    sheets.head_pages_with(_band)
    return at


def _cells(line: InvoiceLine, currency: str) -> _Cells:
    return (
        line.description,
        format_quantity(line.qty),
        "" if line.unit_price_minor is None else format_amount(line.unit_price_minor, currency),
        _amount(line.total_minor, currency),
    )


def _amount(minor: int | None, currency: str) -> str:
    return NO_PRICE if minor is None else format_amount(minor, currency)


def _columns(rows: Sequence[_Cells], fonts: FontSet, styles: _Styles) -> tuple[Column, ...]:
    """Number columns as wide as their widest figure; the description takes the rest."""
    right = RIGHT_PT - _CELL_PAD_PT
    columns: list[Column] = []
    for index, (least, greatest) in _NUMBER_WIDTHS_PT.items():
        style = styles.cells[index]
        cells = {drawable(row[index], fonts) for row in rows}
        widest = max((width_pt(cell, style.face, style.size_pt) for cell in cells), default=0.0)
        # A hair more than needed, or rounding would break the widest figure into two lines.
        width = min(max(least, widest + 0.01), greatest)
        columns.append(Column(right - width, right, align_right=True))
        right -= width + 2 * _CELL_PAD_PT
    columns.append(Column(LEFT_PT + _CELL_PAD_PT, right))
    return tuple(reversed(columns))


def _totals(sheets: Sheets, invoice: Invoice, styles: _Styles, at: Cursor, parts: Element) -> None:
    """What is to be paid; above it, what of that is tax, if the invoice says so."""
    rows: list[tuple[str, int | None, Style]] = []
    total, tax = invoice.total_minor, invoice.tax_minor
    if total is not None and tax is not None:
        rate = f"Tax, {invoice.tax_rate:f} %"
        rows += [("Net", total - tax, styles.body), (rate, tax, styles.body)]
    rows.append(("Total", total, styles.total))
    height_pt = sum(style.leading_pt for _, _, style in rows)
    at = sheets.room(_gap(at, 6), height_pt + styles.total.leading_pt)
    sheets.rule(_TOTAL, at, 1.2, _ACCENT)
    at = _gap(at, 8)
    for words, minor, style in rows:
        row = parts.add("P")
        left = _TOTAL.left + _CELL_PAD_PT
        label = Column(left, left + (50 if style is styles.total else 90))
        value = Column(label.right, _TOTAL.right - _CELL_PAD_PT, align_right=True)
        start = sheets.room(at, style.leading_pt)
        sheets.flow([words], style, label, start, row)
        at = _gap(sheets.flow([_amount(minor, invoice.currency)], style, value, start, row), 2)


def _footers(pages: list[Page], invoice: Invoice, fonts: FontSet, style: Style) -> None:
    """A hairline, what the sheet belongs to, and its number among the others."""
    # A line of this width holds far fewer characters, so the rest need not be looked at.
    longest = 300
    words = f"{invoice.seller.name[:longest]} · Invoice {invoice.number[:longest]}"
    left = shorten(drawable(words, fonts), style.face, style.size_pt, _FULL.width_pt - 100)
    baseline = BOTTOM_PT - 34
    for number, page in enumerate(pages, start=1):
        right = f"Page {number} of {len(pages)}"
        x = RIGHT_PT - width_pt(right, style.face, style.size_pt)
        page.boxes.append(Box(LEFT_PT, BOTTOM_PT - 22, _FULL.width_pt, 0.6, _HAIRLINE))
        page.texts.append(Text(LEFT_PT, baseline, left, style))
        page.texts.append(Text(x, baseline, right, style))
