"""Metrics for Prometheus."""

from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import choose_encoder

from shop.api.metrics import ApiMetrics

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    response_description="Prometheus' text format, or OpenMetrics where it is asked for.",
)
async def metrics(request: Request) -> PlainTextResponse:
    """Requests and their latency by route, and what the process uses."""
    own = cast(ApiMetrics, request.app.state.metrics)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    text = encode(own.registry)
    return PlainTextResponse(text, headers={"Content-Type": content_type})
