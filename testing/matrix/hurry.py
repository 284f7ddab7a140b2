"""The shop's time-outs and pauses, as the services matrix needs them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from redis import utils
from redis.backoff import NoBackoff

from shop import bootstrap
from shop.adapters.redis import autopipeline, client, trips

#: What is held is given up soon.
SOON_S = 0.15


@contextmanager
def timeouts(within_s: float) -> Iterator[None]:
    """What is built meanwhile waits for its server so long."""
    deadline: Any = client.store_deadline
    pipeline: Any = autopipeline.AutoPipeline.__init__
    with (
        patch.object(client, "WORKER_SOCKET_TIMEOUT_S", within_s),
        patch.object(client, "API_DEADLINE_S", within_s),
        patch.object(bootstrap, "WORKER_SOCKET_TIMEOUT_S", within_s),
        patch.object(bootstrap, "API_SOCKET_TIMEOUT_S", within_s),
        patch.object(bootstrap, "PUBLISH_TIMEOUT_S", within_s),
        patch.object(deadline.__wrapped__, "__defaults__", (within_s,)),
        patch.object(pipeline, "__kwdefaults__", {"within_s": within_s}),
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
