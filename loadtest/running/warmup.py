"""Lets every process of a shop do its work a few times before anything is measured."""

import time

import httpx

PROBES, ORDERS = 20, 20
WITHIN_S = 60.0
ANSWERS_WITHIN_S = 10.0
POLL_EVERY_S = 0.05


class NeverWarm(Exception):
    """The shop did not finish a handful of orders; one line says how far it came."""


def warm_up(base_url: str, run_id: str, api_key: str | None = None) -> None:
    """Place a few orders and notifications, and wait for them. Raises `NeverWarm`."""
    headers = {"X-API-Key": api_key} if api_key else {}
    try:
        with httpx.Client(
            base_url=base_url, headers=headers, timeout=ANSWERS_WITHIN_S, trust_env=False
        ) as http:
            _warm_up(http, run_id)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise NeverWarm(f"the shop at {base_url} answers no more: {reason}") from None


def _warm_up(http: httpx.Client, run_id: str) -> None:
    task_ids = set[str]()
    for number in range(max(PROBES, ORDERS)):
        if number < ORDERS:
            order = {"id": f"{run_id}.warm-{number}", "item": f"LAB-{number % 10}", "qty": 1}
            answer = http.post("/order", json={**order, "email": "warm@example.com"})
            task_ids.add(_task_id(answer))
        if number < PROBES:
            message = {"email": "warm@example.com", "message": f"warm-up {number}"}
            task_ids.add(_task_id(http.post("/test_notification", json=message)))
    deadline_s = time.monotonic() + WITHIN_S
    while task_ids:
        if time.monotonic() > deadline_s:
            raise NeverWarm(f"{len(task_ids)} warm-up tasks are not done after {WITHIN_S:.0f} s")
        task_ids -= {task for task in task_ids if http.get(f"/status/{task}").json()["ready"]}
        time.sleep(POLL_EVERY_S)


def _task_id(answer: httpx.Response) -> str:
    if not answer.is_success:
        raise NeverWarm(f"the shop answered {answer.status_code}: {answer.text[:200]}")
    return str(answer.json()["task_id"])
