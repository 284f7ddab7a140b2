"""The shop's endpoints without a shop: the same validation and answers of the same size, no I/O.

`uvicorn loadtest.baselines.bare:app`; `BENCH_STATUS` and `BENCH_INVOICE` name files that hold the
constant answers.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import FastAPI, Response
from fastapi import Path as InPath
from fastapi.responses import JSONResponse

from loadtest.baselines.orders import Order


def _constant(variable: str) -> bytes:
    path = os.environ.get(variable)
    return Path(path).read_bytes() if path else b"{}"


STATUS: dict[str, Any] = json.loads(_constant("BENCH_STATUS"))
INVOICE = _constant("BENCH_INVOICE")

app = FastAPI()


@app.post("/order", status_code=202)
async def place_order(order: Order) -> JSONResponse:
    task_id = str(uuid4())
    return JSONResponse(
        {"task_id": task_id, "order_id": order.id, "status": "pending"},
        202,
        {"Location": f"/status/{task_id}"},
    )


@app.get("/status/{task_id}")
async def show_status(task_id: str) -> JSONResponse:
    return JSONResponse({**STATUS, "task_id": task_id})


@app.get("/invoice/{order_id}")
async def show_invoice(
    order_id: Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")],
) -> Response:
    disposition = f'attachment; filename="invoice-{order_id}.pdf"'
    return Response(INVOICE, headers={"Content-Disposition": disposition}, media_type=PDF)


PDF = "application/pdf"
