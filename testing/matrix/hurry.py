"""The shop's time-outs, shortened: what is held is given up soon."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from shop import bootstrap
from shop.adapters.redis import autopipeline, client

#: Of each wait for a server; a busy machine answers by then, and what it does not answer is one
#: more refusal, from which the shop recovers as from the others.
SOON_S = 0.25


@contextmanager
def short_timeouts() -> Iterator[None]:
    """What is built meanwhile waits for its server no longer than `SOON_S`."""
    deadline: Any = client.store_deadline
    pipeline: Any = autopipeline.AutoPipeline.__init__
    with (
        patch.object(client, "WORKER_SOCKET_TIMEOUT_S", SOON_S),
        patch.object(client, "API_DEADLINE_S", SOON_S),
        patch.object(bootstrap, "WORKER_SOCKET_TIMEOUT_S", SOON_S),
        patch.object(bootstrap, "API_SOCKET_TIMEOUT_S", SOON_S),
        patch.object(bootstrap, "PUBLISH_TIMEOUT_S", SOON_S),
        patch.object(deadline.__wrapped__, "__defaults__", (SOON_S,)),
        patch.object(pipeline, "__kwdefaults__", {"within_s": SOON_S}),
    ):
        yield
