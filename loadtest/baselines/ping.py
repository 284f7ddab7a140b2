"""Two round trips to Redis that do nothing: what two calls cost whatever they are for.

`python -m loadtest.baselines.ping --redis-port 6379`; see `testing.timings.protocol` for what it
reads and writes.
"""

import time
from typing import Annotated

import typer
from redis import Redis

from testing.servers import HOST
from testing.timings.protocol import serve

PAIRS_A_RUN = 500


def main(redis_port: Annotated[int, typer.Option()]) -> None:
    """Seconds of a pair."""
    client = Redis(host=HOST, port=redis_port)

    def run() -> float:
        started_s = time.perf_counter()
        for _ in range(2 * PAIRS_A_RUN):
            client.ping()
        return (time.perf_counter() - started_s) / PAIRS_A_RUN

    run()
    serve(run)


if __name__ == "__main__":
    typer.run(main)
