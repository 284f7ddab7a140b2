"""Metrics for Prometheus."""

from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import choose_encoder

from shop.api.deps import services
from shop.api.gauges import Scrape, shop_gauges
from shop.api.metrics import ApiMetrics

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=PlainTextResponse,
    response_description="Prometheus' text format, or OpenMetrics where it is asked for.",
)
async def metrics(request: Request) -> PlainTextResponse:
    """Requests and their latency by route, what the shop has done, and how much work waits.

    While Redis is away, `shop_store_up` is 0 and what only Redis knows is left out.
    """
    own = cast(ApiMetrics, request.app.state.metrics)
    gauges = await shop_gauges(services(request))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    text = encode(Scrape(own, gauges))
    return PlainTextResponse(text, headers={"Content-Type": content_type})
