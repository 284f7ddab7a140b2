"""Flower: closed to strangers, and it sees both workers and the tasks."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from testing.stack import Stack
from tests.integration.customer import Customer, Goods, plain_http

PATHS = [
    "/",
    "/workers",
    "/tasks",
    "/api/workers",
    "/api/tasks",
    "/metrics",
    "/static/css/flower.css",
]


@pytest.fixture
def flower(stack: Stack) -> Iterator[httpx.Client]:
    with plain_http(stack.flower_url, auth=stack.flower_auth) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_in_without_the_credentials(stack: Stack, path: str) -> None:
    user, password = stack.flower_auth
    with plain_http(stack.flower_url) as stranger:
        for auth in (None, (user, "guessed"), ("guessed", password)):
            assert stranger.get(path, auth=auth).status_code == 401
        assert stranger.get("/healthcheck").status_code == 200


def test_the_credentials_open_the_pages_and_the_metrics(flower: httpx.Client) -> None:
    assert flower.get("/", follow_redirects=True).status_code == 200
    metrics = flower.get("/metrics")
    assert metrics.status_code == 200
    assert "flower_worker_online" in metrics.text


def test_both_workers_are_listed_with_their_queues(
    flower: httpx.Client, customer: Customer
) -> None:
    def queues() -> dict[str, list[str]] | None:
        listed = {
            name.partition("@")[0]: [queue["name"] for queue in worker.get("active_queues") or []]
            for name, worker in flower.get("/api/workers").json().items()
        }
        return listed if all(listed.get(name) for name in ("default", "priority")) else None

    listed = customer.until("Flower lists both workers", queues)
    assert listed == {"default": ["default"], "priority": ["priority"]}


def test_a_task_is_seen_with_its_outcome_but_not_with_an_address(
    flower: httpx.Client, customer: Customer, goods: Goods
) -> None:
    task_id = customer.seen(customer.place(goods.sku))["task_id"]

    def seen() -> dict[str, Any] | None:
        answer = flower.get(f"/api/task/info/{task_id}")
        if answer.status_code == 404:
            return None
        task: dict[str, Any] = answer.json()
        return task if task["state"] == "SUCCESS" else None

    task = customer.until(f"Flower shows {task_id}", seen)
    assert task["name"] == "process_order"
    assert "@" not in f"{task['args']}{task['kwargs']}"


def test_the_password_stands_on_no_command_line(stack: Stack) -> None:
    _, password = stack.flower_auth
    commands = [process.command for service in stack.services for process in service.processes()]
    assert any("flower" in command for command in commands)
    assert [command for command in commands if password in command] == []
