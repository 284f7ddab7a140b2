"""What the scenarios can be told: on the command line, or in the fields of the web page."""

import math
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ITEMS = tuple(f"LAB-{number}" for number in range(10))
MAX_RATE_PER_S = 2_000.0


class BadOption(ValueError):
    """A value cannot be used; one line says which and why."""


@dataclass(frozen=True, slots=True)
class Options:
    """None leaves it to the scenario; for `service_time_ms`, as it is."""

    orders_per_s: float | None = None
    probes_per_s: float | None = None
    seed: int = 1
    #: None is without end.
    duration_s: float | None = None
    service_time_ms: int | None = None
    items: Sequence[str] = ITEMS
    api_key: str | None = None

    @classmethod
    def of(cls, parsed: Namespace | None) -> "Options":
        """Whatever the web page's form made of the values: text, mostly. Raises `BadOption`."""
        if parsed is None:
            return cls()
        items = tuple(item.strip() for item in str(parsed.items or "").split(",") if item.strip())
        service_time_ms = _number(parsed.service_time_ms, "--service-time-ms", 60_000)
        seed = _number(parsed.seed, "--seed", math.inf, least=-math.inf)
        return cls(
            orders_per_s=_number(parsed.orders_per_s, "--orders-per-s", MAX_RATE_PER_S),
            probes_per_s=_number(parsed.probes_per_s, "--probes-per-s", MAX_RATE_PER_S),
            seed=1 if seed is None else int(seed),
            # 0 is how a form says none.
            duration_s=_number(parsed.lab_duration_s, "--lab-duration-s", 1e7) or None,
            service_time_ms=None if service_time_ms is None else round(service_time_ms),
            items=items or ITEMS,
            api_key=parsed.lab_api_key or None,
        )


def add_options(parser: Any) -> None:
    """To Locust's parser, not to a group of it: a group's have no field in the web page."""
    parser.add_argument(
        "--orders-per-s",
        metavar="N",
        help="Mean rate of orders (of shoppers, for MixedShopper); empty: the scenario's own.",
    )
    parser.add_argument(
        "--probes-per-s",
        metavar="N",
        help="Mean rate of notifications; empty: the scenario's own.",
    )
    parser.add_argument("--seed", metavar="N", help="Equal seeds draw equal arrivals.", default="1")
    parser.add_argument(
        "--lab-duration-s",
        metavar="S",
        help="Arrivals end after so many seconds; empty: without end.",
    )
    parser.add_argument(
        "--service-time-ms",
        metavar="MS",
        help="How long preparing an order takes, on the stack that `make load-ui` raised; empty: "
        "as it is.",
    )
    parser.add_argument(
        "--items",
        metavar="SKU,SKU",
        help="What is ordered; it must be in stock.",
        default=",".join(ITEMS),
    )
    parser.add_argument(
        "--lab-api-key",
        metavar="KEY",
        help="Sent as X-API-Key, for a shop that asks for one.",
        env_var="LAB_API_KEY",
        is_secret=True,
    )


def _number(value: object, name: str, most: float, *, least: float = 0.0) -> float | None:
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most or math.isinf(number):
        bounds = f"a number from {least:g} to {most:g}" if least == 0 else "a number"
        raise BadOption(f"{name} must be {bounds}, not {text!r}")
    return number
