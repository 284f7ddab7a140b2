"""A valid order, by the rules of the shop: what a body has to be."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, EmailStr, Field


def _digits(value: Any) -> Any:
    return str(value) if type(value) is int else value


Identifier = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$", min_length=1, max_length=64),
    BeforeValidator(_digits),
]


class Order(BaseModel):
    """As FastAPI reads it from a body."""

    model_config = ConfigDict(extra="forbid")

    id: Identifier
    item: Identifier
    qty: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    email: EmailStr
