"""The scenarios, each run by Locust for a few seconds against a shop that is made up."""

import json
import re
import urllib.request
from typing import Any
from urllib.parse import urlencode

from testing.servers import free_port
from testing.waiting import wait_for
from tests.unit.loadtest.users.locust_process import run_locust, start_locust
from tests.unit.loadtest.users.stub_shop import StubShop

PATHS = ("/order", "/test_notification")
#: Orders, probes.
SENDS = {
    "OrderFlood": (True, False),
    "NotificationProbes": (False, True),
    "MixedShopper": (True, False),
    "Spike": (True, True),
    "Soak": (True, True),
    # Its first block is without orders.
    "PriorityUnderFlood": (False, True),
}


def orders_of(shop: StubShop, scenario: str) -> list[dict[str, Any]]:
    return [body for body in shop.bodies("/order") if f"-{scenario}-" in body["id"]]


def probes_of(shop: StubShop, scenario: str) -> list[dict[str, Any]]:
    bodies = shop.bodies("/test_notification")
    return [body for body in bodies if f"-{scenario}-" in body["message"]]


def test_each_scenario_sends_what_it_is_for_once_whatever_number_of_users(shop: StubShop) -> None:
    done = run_locust(
        *SENDS,
        *("-H", shop.base_url, "-u", "30", "-r", "30", "--lab-duration-s", "1.5"),
        *("--orders-per-s", "20", "--probes-per-s", "20", "--items", "A,B,C", "--seed", "7"),
        *("--service-time-ms", "200"),
        environment={"LAB_CONTROL_URL": f"{shop.base_url}/control"},
    )
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    for name, (sends_orders, sends_probes) in SENDS.items():
        for sent, key, drawn in (
            (sends_orders, "id", orders_of(shop, name)),
            (sends_probes, "message", probes_of(shop, name)),
        ):
            assert bool(drawn) == sent, name
            # Two walkers would draw the same keys.
            assert len({body[key] for body in drawn}) == len(drawn)
    assert {body["item"] for body in shop.bodies("/order")} == {"A", "B", "C"}

    for series in (
        "GET      /status/{task_id}",
        "GET      /invoice/{order_id}",
        "order to invoice  POST /order",
        *(f"{kind:8} POST {path}" for kind in ("accept", "wait") for path in PATHS),
        *(f"end to end  POST {path}" for path in PATHS),
    ):
        assert series in done.stdout
    invoices = {path for _, path, _ in shop.requests if path.startswith("/invoice/")}
    assert invoices == {f"/invoice/{body['id']}" for body in orders_of(shop, "MixedShopper")}
    # Before anything else is sent.
    posted = [(path, body) for method, path, body in shop.requests if method == "POST"]
    assert posted[0] == ("/control", {"order_delay_ms": 200})


def number_of(order_id: str) -> int:
    """The last of an id's numbers counts the orders of a test."""
    return int(re.findall(r"\d+", order_id)[-1])


def test_the_seed_decides_what_is_ordered_and_each_test_has_its_own_ids(shop: StubShop) -> None:
    drawn = []
    for seed in ("7", "7", "8"):
        before = len(shop.bodies("/order"))
        done = run_locust(
            *("OrderFlood", "-H", shop.base_url, "--lab-duration-s", "1"),
            *("--seed", seed, "--orders-per-s", "40"),
        )
        assert done.returncode == 0, done.stdout
        # Two that come within a millisecond may arrive in either order.
        sent = sorted(shop.bodies("/order")[before:], key=lambda body: number_of(body["id"]))
        drawn.append([body["item"] for body in sent])
    ids = [body["id"] for body in shop.bodies("/order")]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(ids)) == len(ids)


def test_what_cannot_be_used_is_a_reason_of_one_line(shop: StubShop) -> None:
    done = run_locust("OrderFlood", "-H", shop.base_url, "--orders-per-s=-3")
    assert done.returncode == 2
    last = done.stdout.rstrip().splitlines()[-1]
    assert last == "lab: --orders-per-s must be a number from 0 to 2000, not '-3'"
    assert "Traceback" not in done.stdout
    assert shop.bodies("/order") == []


def test_the_web_page_starts_one_with_its_fields_and_stops_it(shop: StubShop) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    process = start_locust(
        *("--class-picker", "--web-host", "127.0.0.1", "--web-port", str(port)),
        *("-H", shop.base_url),
    )
    try:
        wait_for("the page is there", lambda: bool(get(page)), within_s=30)
        assert '"OrderFlood"' in get(page)
        assert '"ScheduledWalk"' not in get(page)
        form = {
            "user_count": "1",
            "spawn_rate": "1",
            "host": shop.base_url,
            "user_classes": "OrderFlood",
            "orders_per_s": "50",
            "lab_duration_s": "",
            "seed": "3",
        }
        assert json.loads(post(f"{page}/swarm", form))["success"]
        wait_for("orders come", lambda: len(shop.bodies("/order")) > 20, within_s=20)
        post(f"{page}/stop", {})
        wait_for("it stops", lambda: state(page) == "stopped", within_s=10)

        form["orders_per_s"] = "many"
        post(f"{page}/swarm", form)
        wait_for("it says why it does not", lambda: "'many'" in get(f"{page}/logs"), within_s=10)
        wait_for("it stops again", lambda: state(page) == "stopped", within_s=10)
        # What was on its way when the first was stopped may have come since; of a second run, none.
        assert len({body["id"].partition(".")[0] for body in shop.bodies("/order")}) == 1
    finally:
        process.terminate()
        said, _ = process.communicate(timeout=15)
    assert "Traceback" not in said


def state(page: str) -> str:
    return str(json.loads(get(f"{page}/stats/requests"))["state"])


def get(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def post(url: str, form: dict[str, str]) -> str:
    with urllib.request.urlopen(url, urlencode(form).encode(), timeout=10) as answer:
        return str(answer.read().decode())
