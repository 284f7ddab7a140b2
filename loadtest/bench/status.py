"""What one API process answers a second when it is asked where orders stand."""

import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx

from loadtest.bench.bench import BenchBroke, Comparison, Reach, Result, Show
from loadtest.bench.contenders import ApiContender, Bare, Shop
from loadtest.bench.generator import Job
from loadtest.bench.loading import Generator
from loadtest.bench.rounds import in_turns
from testing.owed import owed
from testing.stack import WORKER_DEFAULT, WORKER_PRIORITY
from testing.stacks.ports import HOST
from testing.waiting import wait_for

ROUNDS = 6
CONNECTIONS = 32
WARM_UP_S, MEASURED_S = 1.0, 3.0
#: Orders that are asked for in turn.
ORDERS = 40
PROCESSED_WITHIN_S = 60.0
OK, ACCEPTED = 200, 202


class Status:
    """`GET /status` and `GET /invoice` of finished orders, beside constants of the same size."""

    name = "status"
    question = "how many questions about orders does one API process answer a second?"

    def __init__(self, warm_up_s: float = WARM_UP_S, measured_s: float = MEASURED_S) -> None:
        self._warm_up_s = warm_up_s
        self._measured_s = measured_s

    def run(self, rounds: int | None, show: Show) -> Result:
        with ExitStack() as up:
            show("starting")
            shop = up.enter_context(Shop(workers=True))
            tasks, orders = _processed(shop)
            folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="bench-status-")))
            bare: ApiContender = up.enter_context(
                Bare(_constants(shop, tasks[0], orders[0], folder))
            )
            for worker in (WORKER_DEFAULT, WORKER_PRIORITY):
                shop.stack.service(worker).pause()
            generator = up.enter_context(Generator())
            paths = {
                "GET /status": [f"/status/{task}" for task in tasks],
                "GET /invoice": [f"/invoice/{order}" for order in orders],
            }
            comparisons = [
                self._compare(name, paths[name], (shop, bare), generator, rounds or ROUNDS, show)
                for name in paths
            ]
        return Result(comparisons)

    def _compare(
        self,
        name: str,
        paths: Sequence[str],
        contenders: Sequence[ApiContender],
        generator: Generator,
        rounds: int,
        show: Show,
    ) -> Comparison:
        found: dict[str, list[float]] = {one.name: [] for one in contenders}
        for number, turn in enumerate(in_turns(contenders, rounds)):
            for one in turn:
                show(f"{name}, round {number + 1} of {rounds}, {one.name}")
                job = Job(
                    HOST, one.port, CONNECTIONS, OK, self._warm_up_s, self._measured_s,
                    paths=tuple(paths),
                )  # fmt: skip
                counted = generator.carry_out(job)
                if counted.others:
                    raise BenchBroke(
                        f"{name}: {one.name} answered otherwise {counted.others} times"
                    )
                found[one.name].append(counted.answered / counted.lasted_s)
        reach = Reach(at_least=0.6)
        return Comparison(f"{name}: shop / bare", "answers/s", found["shop"], found["bare"], reach)


def _processed(shop: Shop) -> tuple[list[str], list[str]]:
    """Task ids and order ids of orders that have everything."""
    tasks, orders = [], [f"bench-{number}" for number in range(ORDERS)]
    with httpx.Client(base_url=f"http://{HOST}:{shop.port}", trust_env=False) as client:
        for number, order in enumerate(orders):
            item = f"SKU-{number % 10}"
            content = {"id": order, "item": item, "qty": 1, "email": "customer@example.com"}
            answer = client.post("/order", json=content)
            if answer.status_code != ACCEPTED:
                raise BenchBroke(f"an order was answered {answer.status_code}: {answer.text}")
            tasks.append(answer.json()["task_id"])
    wait_for(
        "the orders are processed",
        lambda: owed(shop.stack) == 0,
        within_s=PROCESSED_WITHIN_S,
        explain=shop.stack.describe,
    )
    return tasks, orders


def _constants(shop: Shop, task: str, order: str, folder: Path) -> dict[str, str]:
    """What the shop answers, in files, by the variables in which the baseline looks for them."""
    base = f"http://{HOST}:{shop.port}"
    status = httpx.get(f"{base}/status/{task}", trust_env=False)
    invoice = httpx.get(f"{base}/invoice/{order}", trust_env=False)
    if status.status_code != OK or invoice.status_code != OK:
        raise BenchBroke(f"status {status.status_code}, invoice {invoice.status_code}")
    files = {"BENCH_STATUS": folder / "status.json", "BENCH_INVOICE": folder / "invoice.pdf"}
    files["BENCH_STATUS"].write_text(json.dumps(status.json()))
    files["BENCH_INVOICE"].write_bytes(invoice.content)
    return {name: str(file) for name, file in files.items()}
