"""`GET /invoice/{order_id}`."""

import httpx
import pytest

from shop.domain.order import OrderRecord, OrderStatus, Reason
from tests.unit.api.conftest import NOW_MS, World, problem

PDF = b"%PDF-1.4 \x00\xff"


def record(status: OrderStatus, reason: str | None = None) -> OrderRecord:
    return OrderRecord("1001", "SKU-1", 2, "ann@example.com", "t", status, NOW_MS, reason=reason)


@pytest.mark.parametrize("placed", [True, False])
async def test_an_invoice_is_a_pdf_to_be_saved(
    client: httpx.AsyncClient, world: World, placed: bool
) -> None:
    world.store.invoices["1001"] = PDF
    if placed:
        world.store.orders["1001"] = record(OrderStatus.PROCESSED)
    response = await client.get("/invoice/1001")

    assert response.status_code == 200
    assert response.content == PDF
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-disposition"] == 'attachment; filename="invoice-1001.pdf"'
    assert response.headers["cache-control"] == "no-store"


async def test_head_tells_of_an_invoice(client: httpx.AsyncClient, world: World) -> None:
    assert (await client.head("/invoice/1001")).status_code == 404
    world.store.invoices["1001"] = PDF
    response = await client.head("/invoice/1001")

    assert response.status_code == 200
    assert response.headers["content-length"] == str(len(PDF))


async def test_without_an_order_there_is_no_such_order(client: httpx.AsyncClient) -> None:
    response = await client.get("/invoice/1001")

    problem(response, 404, "order-not-found")
    assert "retry-after" not in response.headers


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.PROCESSED])
async def test_an_invoice_still_owed_is_worth_another_try(
    client: httpx.AsyncClient, world: World, status: OrderStatus
) -> None:
    world.store.orders["1001"] = record(status)
    response = await client.get("/invoice/1001")

    assert problem(response, 404, "invoice-not-ready")["order_status"] == status
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (OrderStatus.FAILED, Reason.OUT_OF_STOCK),
        (OrderStatus.FAILED, Reason.ATTEMPTS_EXHAUSTED),
        (OrderStatus.PROCESSED, Reason.INVOICE_ATTEMPTS_EXHAUSTED),
    ],
)
async def test_an_invoice_that_will_never_be_is_not(
    client: httpx.AsyncClient, world: World, status: OrderStatus, reason: Reason
) -> None:
    world.store.orders["1001"] = record(status, reason)
    response = await client.get("/invoice/1001")
    document = problem(response, 404, "order-failed")

    assert (document["order_status"], document["reason"]) == (status, reason)
    assert "retry-after" not in response.headers
