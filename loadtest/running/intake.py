"""Finds out how many orders a second the API takes, for a plan that is to offer more."""

import json
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from urllib.parse import urlsplit

from loadtest.experiments.experiment import Intake

CONNECTIONS = 32
#: Then it counts: the first requests open connections.
AFTER_S = 1.0
FOR_S = 4.0
TIMEOUT_S = 10.0
ACCEPTED = 202


class NoIntake(Exception):
    """The API took no order at all; one line says what it answered last."""


def measure_intake(base_url: str, run_id: str, api_key: str | None = None) -> Intake:
    """As many orders as `CONNECTIONS` clients can place, each after the answer to the last.

    Raises `NoIntake`.
    """
    began_s = time.monotonic()
    clients = [
        _Client(base_url, f"{run_id}.intake-{number}", began_s, api_key)
        for number in range(CONNECTIONS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    accepted = sum(client.accepted for client in clients)
    if not accepted:
        raise NoIntake(f"the API took no order: {clients[0].last}")
    return Intake(orders_per_s=accepted / FOR_S)


class _Client(Thread):
    def __init__(self, base_url: str, name: str, began_s: float, api_key: str | None) -> None:
        super().__init__(name=name, daemon=True)
        url = urlsplit(base_url)
        self._address = url.netloc.rpartition("@")[2]
        self._path = url.path.rstrip("/") + "/order"
        self._connection = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["X-API-Key"] = api_key
        self._counts_from_s = began_s + AFTER_S
        self._ends_at_s = began_s + AFTER_S + FOR_S
        self.accepted = 0
        self.last = "no answer"

    def run(self) -> None:
        http = self._connection(self._address, timeout=TIMEOUT_S)
        number = 0
        while time.monotonic() < self._ends_at_s:
            number += 1
            order = {
                "id": f"{self.name}-{number}",
                "item": f"LAB-{number % 10}",
                "qty": 1,
                "email": "intake@example.com",
            }
            try:
                http.request("POST", self._path, json.dumps(order), self._headers)
                answer = http.getresponse()
                answer.read()
            except (OSError, HTTPException) as error:
                self.last = str(error)
                http.close()
                continue
            self.last = f"{answer.status} {answer.reason}"
            now_s = time.monotonic()
            if answer.status == ACCEPTED and self._counts_from_s <= now_s < self._ends_at_s:
                self.accepted += 1
        http.close()
