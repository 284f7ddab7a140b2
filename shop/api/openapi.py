"""The OpenAPI schema: problem documents and bodies that FastAPI does not see by itself."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shop.api.problems import INTERNAL_ERROR, PROBLEM_MEDIA_TYPE, ProblemType
from shop.api.schemas import ProblemDocument
from shop.domain.notification import Notification
from shop.domain.order import Order

Responses = dict[int | str, dict[str, Any]]

_REF = "#/components/schemas/{model}"
_MODELS: tuple[type[BaseModel], ...] = (Order, Notification, ProblemDocument)


class DocumentedFastAPI(FastAPI):
    """FastAPI whose schema has the models that routes name by reference."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        if ProblemDocument.__name__ not in schemas:
            for operations in schema["paths"].values():
                for operation in operations.values():
                    # By status, so that success comes first and `default` last.
                    operation["responses"] = dict(sorted(operation["responses"].items()))
            _, definitions = models_json_schema(
                [(model, "validation") for model in _MODELS], ref_template=_REF
            )
            schemas.update(definitions["$defs"])
        return schema


def problems(*kinds: ProblemType) -> Responses:
    """The problems that an operation can answer, for its `responses`, and any other one."""
    by_status: dict[int | str, list[ProblemType]] = defaultdict(list)
    for kind in kinds:
        by_status[kind.status].append(kind)
    by_status["default"].append(INTERNAL_ERROR)
    return {
        status: {
            "description": "Any other problem."
            if status == "default"
            else ", or: ".join(kind.title for kind in same) + ".",
            "content": {
                PROBLEM_MEDIA_TYPE: {
                    "schema": _ref(ProblemDocument),
                    "examples": {
                        kind.slug: {
                            "summary": kind.title,
                            "value": kind.document(kind.example, kind.example_members),
                        }
                        for kind in same
                    },
                }
            },
            **_headers(same),
        }
        for status, same in by_status.items()
    }


def json_body(model: type[BaseModel], **examples: dict[str, Any]) -> dict[str, Any]:
    """For `openapi_extra`: the body that a route reads by itself, with examples by name."""
    named = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": _ref(model), "examples": named}}
    return {"requestBody": {"required": True, "content": content}}


def path_parameter(name: str, description: str, example: str) -> dict[str, Any]:
    """For `openapi_extra`: a part of the path that a route reads by itself.

    FastAPI's own way to it costs a tenth of the time of `GET /status`.
    """
    schema = {"type": "string"}
    described = {"description": description, "schema": schema, "example": example}
    return {"parameters": [{"name": name, "in": "path", "required": True, **described}]}


def header(name: str, description: str, example: str) -> dict[str, Any]:
    """For one of `responses`: a header of the answer."""
    return {
        "headers": {
            name: {
                "description": description,
                "schema": {"type": "string"},
                "example": example,
            }
        }
    }


def links(**operations: str) -> dict[str, Any]:
    """For one of `responses`: routes that lead on from it, each with the field that they take.

    The field is called the same in the answer and in the path.
    """
    return {
        "links": {
            name: {"operationId": name, "parameters": {field: f"$response.body#/{field}"}}
            for name, field in operations.items()
        }
    }


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _headers(kinds: list[ProblemType]) -> dict[str, Any]:
    waits = [str(kind.retry_after_s) for kind in kinds if kind.retry_after_s is not None]
    if not waits:
        return {}
    return header("Retry-After", "Seconds after which to try again, if that can help.", waits[0])
