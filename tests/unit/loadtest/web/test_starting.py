"""A test that cannot be walked is not begun, and why is said."""

from argparse import Namespace
from typing import Any

import pytest

from loadtest.users.options import ITEMS
from loadtest.web.facts import BadFacts, Facts
from loadtest.web.starting import Scenario, refusal

FLOOD = Scenario("PriorityUnderFlood", orders_per_s=60, probes_per_s=25, needs_probes=True)
ORDERS = Scenario("OrderFlood", orders_per_s=60, probes_per_s=0)
PROBES = Scenario("NotificationProbes", orders_per_s=0, probes_per_s=25)
SPIKE = Scenario("Spike", orders_per_s=5, probes_per_s=5, peak=10)
OWN = Facts("http://127.0.0.1:20001", notification_ms=20, order_ms=80, default_slots=2)
FOREIGN = Facts("http://127.0.0.1:8000", why_fixed="it is not ours")


def refused(*picked: Scenario, facts: Facts = OWN, offered: int = 6, **form: str) -> str | None:
    parsed = Namespace(
        orders_per_s=None,
        probes_per_s=None,
        seed="1",
        lab_duration_s=None,
        service_time_ms=None,
        items=",".join(ITEMS),
        lab_api_key=None,
    )
    filled: dict[str, Any] = {"host": facts.base_url, **form}
    return refusal(parsed, filled, picked, offered=offered, facts=facts)


@pytest.mark.parametrize("picked", [(FLOOD,), (ORDERS, PROBES), (ORDERS,), (SPIKE,)])
def test_what_the_scenarios_offer_by_themselves_may_begin(picked: tuple[Scenario, ...]) -> None:
    assert refused(*picked) is None


def test_a_load_that_cannot_be_served_is_refused_with_the_sum() -> None:
    assert refused(FLOOD, probes_per_s="1900") == (
        "the load cannot be served: 1900 probes/s + 25 orders/s x 1 notifications = 1925/s, "
        "x 20 ms = 38.50 of 32 slots of priority; at most 22.40 (70%)"
    )


def test_scenarios_that_are_picked_together_are_served_together() -> None:
    half = {"probes_per_s": "700"}
    assert refused(PROBES, **half) is None

    assert "1400 probes/s" in str(refused(PROBES, FLOOD, **half))


def test_a_burst_counts_as_if_it_lasted() -> None:
    quick = {"service_time_ms": "1", "orders_per_s": "120"}
    assert refused(ORDERS, **quick) is None

    assert "1200 orders/s" in str(refused(SPIKE, **quick))


def test_a_rate_is_for_those_that_ask_for_the_operation_at_all() -> None:
    assert refused(ORDERS, probes_per_s="1900") is None


def test_where_waits_are_compared_there_have_to_be_probes() -> None:
    assert "--probes-per-s" in str(refused(FLOOD, probes_per_s="0"))
    assert refused(SPIKE, probes_per_s="0") is None


@pytest.mark.parametrize(
    ("field", "text"), [("orders_per_s", "many"), ("seed", "x"), ("service_time_ms", "-1")]
)
def test_what_is_no_number_is_refused_by_name(field: str, text: str) -> None:
    assert f"--{field.replace('_', '-')}" in str(refused(FLOOD, **{field: text}))


def test_the_service_time_of_somebody_elses_shop_cannot_be_chosen() -> None:
    assert refused(FLOOD, facts=FOREIGN) is None
    assert "it is not ours" in str(refused(FLOOD, facts=FOREIGN, service_time_ms="80"))

    elsewhere = refused(FLOOD, host="http://192.0.2.1", service_time_ms="80")
    assert "http://192.0.2.1 was not raised here" in str(elsewhere)


def test_all_scenarios_at_once_are_a_form_that_nobody_looked_at() -> None:
    assert "all 2 scenarios" in str(refused(ORDERS, PROBES, offered=2))
    assert refused(ORDERS, offered=1) is None
    assert refused() == "no scenario is picked"


def test_facts_survive_their_way() -> None:
    assert Facts.of(OWN.as_json()) == OWN
    assert Facts.of(FOREIGN.as_json()) == FOREIGN


@pytest.mark.parametrize("data", [None, [], {"no": "such"}])
def test_what_are_no_facts_is_told(data: object) -> None:
    with pytest.raises(BadFacts):
        Facts.of(data)
