"""The shop's time-outs, shortened: what is held is given up soon."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from redis import utils
from redis.backoff import NoBackoff

from shop import bootstrap
from shop.adapters.redis import autopipeline, client, trips

#: Of each wait for a server; a busy machine answers by then, and what it does not answer is one
#: more refusal, from which the shop recovers as from the others.
SOON_S = 0.15


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


@contextmanager
def short_pauses() -> Iterator[None]:
    """What is built meanwhile tries again at once."""
    at_once = NoBackoff()
    version = utils.get_lib_version()
    with (
        # redis-py reads its own version from the disk each time that it makes a client.
        patch.object(utils, "get_lib_version", lambda: version),
        patch.object(trips, "WAIT_FIRST_S", 0.0),
        patch.object(client, "ExponentialBackoff", lambda **_: at_once),
    ):
        yield
