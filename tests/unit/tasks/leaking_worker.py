"""The shop's worker with one more task, which raises what it should not: a setting's value."""

import os
from typing import Any

from shop.tasks.base import ShopTask
from shop.worker import app


class OddError(Exception):
    """Its text is not made of `args`."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self.secret = secret

    def __str__(self) -> str:
        return f"odd: {self.secret}"


@app.task(bind=True, base=ShopTask, name="leak")
def leak(self: ShopTask, setting: str, how: str) -> Any:
    secret = os.environ[setting]
    match how:
        case "text":
            raise ValueError(f"cannot use {secret} here")
        case "encoding":
            # As smtplib does with a password beyond ASCII.
            return f"{secret}\u0436".encode("ascii")
        case "cause":
            try:
                raise KeyError(secret)
            except KeyError as error:
                raise ValueError("no such key") from error
        case "odd":
            raise OddError(secret)
        case _:
            raise AssertionError(how)
