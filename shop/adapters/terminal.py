"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shop.domain.money import format_amount
from shop.domain.order import OrderRecord
from shop.domain.stock import StockLevel

#: Of a table that is not shown on a terminal, in columns: wide enough for two long ids.
PIPED_WIDTH = 160


def console(output: TextIO | None = None) -> Console:
    """Standard output, unless told otherwise."""
    output = output or sys.stdout
    return Console(file=output, width=None if output.isatty() else PIPED_WIDTH, highlight=False)


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str | None = None,
    right: Sequence[str] = (),
) -> Table:
    """A table whose cells are folded, never cut short; columns in `right` hold numbers."""
    drawn = Table(title=title, title_justify="left")
    for heading in headings:
        justify = "right" if heading in right else "left"
        drawn.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        # Text, for a string would be searched for markup, and may come from anywhere.
        drawn.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return drawn


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show_messages(entries: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """What stands in `messages:dead`; the messages themselves may hold anything."""
    if as_json:
        print_json(entries)
        return
    rows = [
        (
            _utc(entry.get("at_ms")) or "-",
            *(str(entry.get(name) or "") for name in ("queue", "why", "task", "bytes")),
        )
        for entry in entries
    ]
    console().print(table(("When", "Queue", "Why", "Task", "Bytes"), rows, right=("Bytes",)))


def show_levels(levels: Sequence[StockLevel], currency: str, *, as_json: bool) -> None:
    if as_json:
        print_json([level_fields(level) for level in levels])
        return
    rows = [(level.sku, str(level.qty), amount(level.price_minor, currency)) for level in levels]
    console().print(table(("SKU", "Stock", "Price"), rows, right=("Stock", "Price")))


def level_fields(level: StockLevel) -> dict[str, Any]:
    return {"sku": level.sku, "qty": level.qty, "price_minor": level.price_minor}


def show_report(report: Mapping[str, Any], *, as_json: bool) -> None:
    """A stock report as it is stored."""
    if as_json:
        print_json(report)
        return
    rows = [(sku, str(qty)) for sku, qty in sorted(report["levels"].items())]
    printer = console()
    printer.print(table(("SKU", "Stock"), rows, right=("Stock",)))
    printer.print(f"{report['date']}: {report['skus']} SKUs, {report['units']} units.")
    for heading, skus in (("Out of stock", "out_of_stock"), ("Not a number", "unreadable")):
        if report[skus]:
            printer.print(f"{heading}: {', '.join(report[skus])}.", markup=False, soft_wrap=True)


def show_order(record: OrderRecord, currency: str, *, as_json: bool) -> None:
    fields = order_fields(record)
    if as_json:
        print_json(fields)
        return
    fields["unit_price"] = amount(
        fields.pop("unit_price_minor"), fields.pop("currency") or currency
    )
    rows = [
        (name.replace("_", " "), "-" if value is None else str(value))
        for name, value in fields.items()
    ]
    console().print(table(("Order", record.order_id), rows[1:]))


def order_fields(record: OrderRecord) -> dict[str, Any]:
    """An order by the names of `GET /order/{id}`, with what the API does not show."""
    return {
        "order_id": record.order_id,
        "status": record.status.value,
        "item": record.item,
        "qty": record.qty,
        "email": record.email,
        "reason": record.reason,
        "placed_at": _utc(record.placed_at_ms),
        "processed_at": _utc(record.processed_at_ms),
        "task_id": record.task_id,
        "attempts": record.attempts,
        "unit_price_minor": record.unit_price_minor,
        "currency": record.currency,
        "invoice_number": record.invoice_number,
        "invoice": f"/invoice/{record.order_id}" if record.has_invoice else None,
    }


def amount(minor: int | None, currency: str) -> str:
    return "-" if minor is None else format_amount(minor, currency)


def _utc(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
