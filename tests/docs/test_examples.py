"""The README's examples do what it shows, in the order in which it shows them."""

from pathlib import Path

import httpx
import pypdf
import pytest

from testing.stacks.local import LocalStack
from testing.stacks.ports import stable_port
from testing.waiting import wait_for
from tests.docs import shop_command
from tests.docs.conftest import BIN
from tests.docs.markdown import README, read
from tests.docs.reader import Reader, steps

DOCUMENT = read(README)
DONE_WITHIN_S = 20.0


def test_the_examples_print_what_is_shown(reader: Reader, stack: LocalStack) -> None:
    done = []
    for block in DOCUMENT.blocks:
        if block.language == "console":
            for step in steps(block):
                reader.do(step)
                done.append(step.command)
        elif block.language == "python":
            reader.run_python(block, BIN / "python")
            _wait_until_processed(stack, "1003")

    assert [command.split()[0] for command in done] == ["curl"] * 6 + [".venv/bin/shop"]
    _check_invoice(reader.folder / "invoice-1001.pdf")
    _check_fields(stack)


def test_sending_an_order_again_is_as_it_says(reader: Reader) -> None:
    placing, *_ = (step for block in DOCUMENT.blocks if block.language == "console"
                   for step in steps(block))  # fmt: skip
    reader.do(placing)
    again = placing.command.replace("curl -i", "curl -w ' %{http_code}'")

    same = reader.run(reader.here(again))
    other = reader.run(reader.here(again.replace('"qty": 2', '"qty": 3')))

    assert same.endswith(" 200")
    assert reader.here(placing.shown.splitlines()[-1].partition(",")[0]) in same
    assert other.endswith(" 409")


@pytest.mark.parametrize("command", DOCUMENT.named("command"))
def test_each_shop_command_is_taken(command: str) -> None:
    shop_command.parse(command.split()[1:])


def test_a_taken_port_is_named_as_it_says(
    reader: Reader, stack: LocalStack, tmp_path: Path
) -> None:
    (message,) = (code for code in DOCUMENT.codes if code.endswith(" is taken"))
    port = str(httpx.URL(stack.base_url).port)
    others = (
        f"--flower-port {stable_port()} --redis-port {stable_port()} --data-dir {tmp_path}/data"
    )

    said = reader.run(f"! {BIN}/shop up --api-port {port} {others} 2>&1")

    assert said.startswith(f"shop: {message.replace('8000', port)}")
    assert "--api-port" in said


def _wait_until_processed(stack: LocalStack, order_id: str) -> None:
    url = f"{stack.base_url}/order/{order_id}"

    def processed() -> bool:
        answer = httpx.get(url, trust_env=False)
        return answer.is_success and answer.json()["invoice"] is not None

    wait_for(f"{order_id} is processed", processed, within_s=DONE_WITHIN_S, explain=stack.describe)


def _check_invoice(path: Path) -> None:
    (page,) = pypdf.PdfReader(path).pages
    text = page.extract_text()

    assert all(part in text for part in ("1001", "SKU-1", "19.90", "39.80", "EUR"))


def _check_fields(stack: LocalStack) -> None:
    """The hashes hold the fields that the table of keys lists."""
    store = stack.redis()
    listed = {
        row[0].text: set(row[1].text.partition(";")[0].removeprefix("hash: ").split(", "))
        for row in DOCUMENT.table("key")
        if row[1].text.startswith("hash: ")
    }
    (notification,) = (
        key for key in store.scan_iter("notification:*")
        if store.hget(key, "message") == "Your parcel is here."
    )  # fmt: skip

    order = store.hgetall("order:1001")
    # Only an order that failed has a reason.
    assert listed["order:{order_id}"] - {"reason"} <= set(order)
    # Only the notification of an order names one.
    assert listed["notification:{task_id}"] - {"order_id"} <= set(store.hgetall(notification))
    of_order = f"notification:{order['notification_task_id']}"
    assert listed["notification:{task_id}"] <= set(store.hgetall(of_order))
