"""Whether what the form asks for may begin; free of Locust."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest.schedule import Rates
from loadtest.users.options import BadOption, Options
from loadtest.verdict.load import MAX_UTILISATION, Load, check_load
from loadtest.web.facts import Facts


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one offers by itself; a rate of 0 is an operation that it never asks for."""

    name: str
    orders_per_s: float
    probes_per_s: float
    #: What the rate of orders is multiplied by at its highest.
    peak: float = 1.0
    #: Whether it is nothing without probes.
    needs_probes: bool = False


def refusal(
    parsed: Namespace,
    form: Mapping[str, str],
    picked: Sequence[Scenario],
    *,
    offered: int,
    facts: Facts,
) -> str | None:
    """Why the test must not begin, a line; None if it may.

    `offered` is the number of scenarios there are, `form` what was filled in.
    """
    if not picked:
        return "no scenario is picked"
    if len(picked) == offered > 1:
        return (
            f"all {offered} scenarios are picked: one is meant, or those that belong together, "
            "such as OrderFlood and NotificationProbes"
        )
    given = {**vars(parsed), **{name: form[name] for name in vars(parsed) if name in form}}
    try:
        options = Options.of(Namespace(**given))
    except BadOption as error:
        return str(error)
    why_fixed = _why_fixed(facts, form.get("host", facts.base_url))
    if options.service_time_ms is not None and why_fixed is not None:
        return f"{why_fixed}; leave --service-time-ms empty"
    load = planned(options, picked, facts)
    if load.rates.probes_per_s == 0 and any(scenario.needs_probes for scenario in picked):
        return "without probes there are no waits to compare: --probes-per-s must be above 0"
    if load.busy_slots > MAX_UTILISATION * load.priority_slots:
        return f"the load cannot be served: {check_load(load).detail}"
    return None


def planned(options: Options, picked: Sequence[Scenario], facts: Facts) -> Load:
    """What all that is picked offers together."""
    orders_per_s = sum(
        _rate(options.orders_per_s, scenario.orders_per_s) * scenario.peak for scenario in picked
    )
    probes_per_s = sum(_rate(options.probes_per_s, scenario.probes_per_s) for scenario in picked)
    order_ms = facts.order_ms if options.service_time_ms is None else options.service_time_ms
    return Load(
        rates=Rates(probes_per_s, orders_per_s),
        notification_ms=facts.notification_ms,
        order_ms=float(order_ms),
        priority_slots=facts.priority_slots,
        default_slots=facts.default_slots,
    )


def _rate(chosen_per_s: float | None, own_per_s: float) -> float:
    """A scenario that has none of its own has no use for the one that was chosen."""
    return own_per_s if chosen_per_s is None or own_per_s == 0 else chosen_per_s


def _why_fixed(facts: Facts, host: str) -> str | None:
    if facts.why_fixed is not None or host.rstrip("/") == facts.base_url.rstrip("/"):
        return facts.why_fixed
    return f"the shop at {host} was not raised here: its service time is its own"
