"""Who may read and write what is a customer's: whoever has an API key."""

from collections.abc import Sequence
from secrets import compare_digest
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from shop.api.problems import API_KEY_REQUIRED, Problem

API_KEY_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="ApiKey",
    description="The shop's key, as set in `API_KEY`.",
    auto_error=False,
)


class ApiKeyGuard:
    """A dependency that lets only requests with one of `api_keys` pass; also without FastAPI."""

    def __init__(self, api_keys: Sequence[str]) -> None:
        self._expected = [key.encode() for key in api_keys]

    async def __call__(self, given: Annotated[str | None, Security(API_KEY_HEADER)]) -> None:
        self._check(given)

    def check(self, request: Request) -> None:
        """What FastAPI would have looked up. Raises `Problem`."""
        self._check(request.headers.get(API_KEY_HEADER.model.name))

    def _check(self, given: str | None) -> None:
        if given is None:
            raise Problem(API_KEY_REQUIRED, "The X-API-Key header is missing.")
        # Header values are bytes, which Starlette reads as Latin-1. All are compared, so that the
        # time tells nothing about which one it is.
        sent = given.encode("latin-1")
        if not sum(compare_digest(sent, key) for key in self._expected):
            raise Problem(API_KEY_REQUIRED, "The X-API-Key header holds another key.")
