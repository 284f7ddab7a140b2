"""What the scenarios can be told."""

from argparse import Namespace
from typing import Any

import pytest

from loadtest.users.options import ITEMS, BadOption, Options


def options(**given: Any) -> Options:
    unset = {
        "orders_per_s": None,
        "probes_per_s": None,
        "seed": "1",
        "lab_duration_s": None,
        "service_time_ms": None,
        "items": "",
        "lab_api_key": None,
    }
    return Options.of(Namespace(**{**unset, **given}))


def test_what_is_left_empty_is_left_to_the_scenario() -> None:
    empty = options(orders_per_s="", probes_per_s=" ", lab_duration_s="", service_time_ms="")
    assert empty == options() == Options()
    assert empty.items == ITEMS


def test_a_form_gives_texts() -> None:
    given = options(
        orders_per_s="20.5", seed="-7", lab_duration_s="60", service_time_ms="200", items="A, B,"
    )
    assert (given.orders_per_s, given.seed, given.duration_s) == (20.5, -7, 60.0)
    assert (given.service_time_ms, given.items) == (200, ("A", "B"))


def test_a_duration_of_0_is_none() -> None:
    assert options(lab_duration_s="0").duration_s is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orders_per_s", "-3"),
        ("orders_per_s", "many"),
        ("probes_per_s", "nan"),
        ("probes_per_s", "inf"),
        ("probes_per_s", "1e9"),
        ("lab_duration_s", "-1"),
        ("service_time_ms", "1h"),
        ("seed", "inf"),
        ("seed", "x"),
    ],
)
def test_what_is_no_such_number_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadOption, match=f"--{name.replace('_', '-')} must be a number.*{value}"):
        options(**{name: value})
