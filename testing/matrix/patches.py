"""What a service of the matrix is started with; each is a context manager, as a sabotage's."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

BEAT_OFTEN = "beat-often"
#: Beat has a round trip when it sends: every five minutes, as it is.
SENDS_EVERY_S = 2.0


@contextmanager
def beat_often() -> Iterator[None]:
    """Beat sends what it sends every five minutes, every two seconds."""
    from shop.tasks import schedule

    with (
        patch.object(schedule, "CHECK_PENDING_EVERY_S", SENDS_EVERY_S),
        patch.object(schedule, "AUDIT_EVERY_S", SENDS_EVERY_S),
    ):
        yield


MATRIX_PATCHES: Mapping[str, Callable[[], AbstractContextManager[object]]] = {
    BEAT_OFTEN: beat_often,
}
