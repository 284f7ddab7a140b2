"""`/docs` and the schema behind it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from shop.api import schemas
from shop.api.problems import PROBLEM_TYPES
from shop.domain.notification import Notification
from shop.domain.order import Order

MODELS: dict[str, type[BaseModel]] = {
    "Order": Order,
    "Notification": Notification,
    **{
        name: model
        for name, model in vars(schemas).items()
        if isinstance(model, type) and issubclass(model, BaseModel)
    },
}


@pytest.fixture
async def schema(client: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.get("/openapi.json")).json()
    return answer


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from nodes(inner)


async def test_the_root_leads_to_the_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/", follow_redirects=True)
    assert (response.status_code, response.url.path) == (200, "/docs")


async def test_the_page_takes_everything_from_this_host(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    links = re.findall(r'(?:src|href)="([^"]*)"', page.text)

    assert len(links) == 4
    for link in links:
        # Relative, so that the page also works below a path of a proxy.
        assert re.fullmatch(r"docs/[a-z./-]+", link)
        found = await client.get(f"/{link}")
        assert found.status_code == 200
        assert found.content
    assert "<script>" not in page.text
    start = (await client.get("/docs/start.js")).text
    assert "://" not in page.text + start
    # Its default would be a site elsewhere.
    assert "validatorUrl: null" in start


async def test_the_page_may_reach_for_nothing_else(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_the_calls_of_the_contract_are_described(schema: dict[str, Any]) -> None:
    described = dict(operations(schema))

    assert set(described) == {
        "POST /order",
        "GET /order/{order_id}",
        "GET /status/{task_id}",
        "GET /invoice/{order_id}",
        "POST /test_notification",
        "GET /health/live",
        "GET /health/ready",
        "GET /metrics",
        "GET /problems/{slug}",
    }
    for operation in described.values():
        assert all(operation[key] for key in ("summary", "description", "tags"))
    assert schema["info"]["title"] == "ShopTaskManager"
    statuses = {name: set(operation["responses"]) for name, operation in described.items()}
    assert statuses["POST /order"] == {"200", "202", "409", "413", "415", "422", "503", "default"}
    assert statuses["GET /invoice/{order_id}"] == {"200", "404", "503", "default"}
    types = described["GET /invoice/{order_id}"]["responses"]["404"]["content"]
    assert set(types["application/problem+json"]["examples"]) == {
        "order-not-found",
        "invoice-not-ready",
        "order-failed",
    }


async def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    refs = {node["$ref"] for node in nodes(schema) if isinstance(node.get("$ref"), str)}

    assert "#/components/schemas/Order" in refs
    for ref in refs:
        assert ref.removeprefix("#/components/schemas/") in schema["components"]["schemas"], ref


async def test_every_error_is_described_as_a_problem(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        for status, response in operation["responses"].items():
            if status == "default" or int(status) >= 400:
                assert set(response["content"]) == {"application/problem+json"}, (name, status)


async def test_every_example_is_what_it_is_an_example_of(schema: dict[str, Any]) -> None:
    checked = 0
    for node in nodes(schema["paths"]):
        ref = node.get("schema", {}).get("$ref", "")
        for example in node.get("examples", {}).values() if ref else ():
            MODELS[ref.rpartition("/")[2]].model_validate(example["value"])
            checked += 1
    assert checked > len(PROBLEM_TYPES)


@pytest.mark.parametrize(
    "name", ["Order", "Notification", "OrderAccepted", "OrderView", "TaskView"]
)
async def test_every_field_has_an_example(schema: dict[str, Any], name: str) -> None:
    for field, about in schema["components"]["schemas"][name]["properties"].items():
        assert about.get("examples") or "$ref" in about, field


async def test_answers_lead_on_to_what_they_name(schema: dict[str, Any]) -> None:
    known = {operation["operationId"]: operation for _, operation in operations(schema)}
    led_to: dict[str, set[str]] = {}
    for name, operation in operations(schema):
        for status, response in operation["responses"].items():
            for link in response.get("links", {}).values():
                assert status[0] == "2"
                led_to.setdefault(name, set()).add(link["operationId"])
                content = response["content"]["application/json"]["schema"]["$ref"]
                answered = schema["components"]["schemas"][content.rpartition("/")[2]]
                for parameter, source in link["parameters"].items():
                    assert source.removeprefix("$response.body#/") in answered["properties"]
                    taken = [one["name"] for one in known[link["operationId"]]["parameters"]]
                    assert parameter in taken

    assert led_to == {
        "POST /order": {"show_task", "show_order", "show_invoice"},
        "GET /order/{order_id}": {"show_task", "show_invoice"},
        "POST /test_notification": {"show_task"},
    }
