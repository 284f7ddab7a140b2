"""`docs/metrics.md` names every metric and every alert, and the alerts do as they say."""

import os
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from shop.domain.stock import StockAudit
from shop.domain.tally import BUCKETS_MS, Histogram, Tally
from tests.docs.markdown import REPOSITORY, read
from tests.unit.api.conftest import World, client_of

DOCUMENT = read("docs/metrics.md")
RULES = REPOSITORY / "docker/prometheus/alerts.yml"
RULES_TEST = REPOSITORY / "docker/prometheus/alerts_test.yml"
NOT_OURS = ("python_", "process_")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="no promtool here (Debian: apt install prometheus)"
)


def promtool(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *command],
        input=stdin,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"]},
    )


def alerts() -> dict[str, dict[str, Any]]:
    rules = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in rules for rule in group["rules"]}


async def scrape() -> str:
    """Of a shop in which everything has happened once."""
    world = World()
    once = Histogram((1,) + (0,) * len(BUCKETS_MS), 1)
    world.tallies.tally = Tally(
        priceless={"SKU-1": 1},
        redelivered={"process_order": 1},
        waits={"process_order": once},
        runs={"process_order": once},
        audit=StockAudit(at_ms=1),
    )
    async with client_of(world) as client:
        await client.get("/health/live")
        return (await client.get("/metrics")).text


async def test_the_metrics_are_those_of_a_scrape_with_their_labels() -> None:
    shown = {}
    for family in text_string_to_metric_families(await scrape()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        if not family.name.startswith(NOT_OURS) and not family.name.endswith("_created"):
            shown[name] = labels

    named = {row[0].text: set(row[1].codes) for row in DOCUMENT.table("metric")}

    assert named == shown


def test_the_alerts_are_those_of_the_rules() -> None:
    assert DOCUMENT.named("alert") == list(alerts())


def test_every_alert_is_tried_where_it_fires_and_where_it_does_not() -> None:
    tests = yaml.safe_load(RULES_TEST.read_text())["tests"]
    well, wrong, *_ = [
        {(case["alertname"], bool(case.get("exp_alerts"))) for case in test["alert_rule_test"]}
        for test in tests
    ]

    assert well == {(name, False) for name in alerts()}
    assert wrong == {(name, True) for name in alerts()}


@pytest.mark.parametrize("name", alerts())
async def test_every_alert_is_about_metrics_that_there_are(name: str) -> None:
    known = {
        sample.name
        for family in text_string_to_metric_families(await scrape())
        for sample in family.samples
    } | {"up"}
    used = set(re.findall(r"\b(?:shop_\w+|up\b(?=\{))", alerts()[name]["expr"]))

    assert used
    assert used <= known


@needs_promtool
@pytest.mark.parametrize("command", [("check", "rules", RULES), ("test", "rules", RULES_TEST)])
def test_promtool_agrees_with_the_rules(command: tuple[object, ...]) -> None:
    done = promtool(*map(str, command))

    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
async def test_promtool_finds_no_fault_with_a_scrape() -> None:
    ours = [
        line for line in (await scrape()).splitlines()
        if not line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith(NOT_OURS)
    ]  # fmt: skip

    done = promtool("check", "metrics", stdin="\n".join([*ours, ""]))

    assert (done.returncode, done.stderr) == (0, "")
