"""A stock report as people write it: SCAN for the keys, then MGET for the levels, pipelined.

`python -m loadtest.baselines.scan_report --redis-port 6379 --skus 100000`; see
`testing.timings.protocol` for what it reads and writes.
"""

import time
from typing import Annotated

import typer
from redis import Redis

from testing.servers import HOST
from testing.stack import STORE_DB
from testing.timings.protocol import serve

PREFIX = "stock:"
#: Keys of one SCAN step and of one MGET: with the default of 10 it takes many times as long.
STEP = 1_000


def stock_levels(client: "Redis") -> dict[str, int]:
    """SKU -> units left."""
    keys = list(client.scan_iter(match=f"{PREFIX}*", count=STEP))
    with client.pipeline(transaction=False) as pipe:
        for start in range(0, len(keys), STEP):
            pipe.mget(keys[start : start + STEP])
        texts = [text for chunk in pipe.execute() for text in chunk]
    return {key.removeprefix(PREFIX): int(text) for key, text in zip(keys, texts, strict=True)}


def main(redis_port: Annotated[int, typer.Option()], skus: Annotated[int, typer.Option()]) -> None:
    """Time the pass over a store with so many SKUs."""
    client = Redis(host=HOST, port=redis_port, db=STORE_DB, decode_responses=True)

    def run() -> float:
        started_s = time.perf_counter()
        levels = stock_levels(client)
        sum(levels.values())
        took_s = time.perf_counter() - started_s
        if len(levels) != skus:
            raise SystemExit(f"{len(levels)} SKUs read, {skus} are there")
        return took_s

    run()
    serve(run)


if __name__ == "__main__":
    typer.run(main)
