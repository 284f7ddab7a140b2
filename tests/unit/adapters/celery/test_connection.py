"""How a worker waits for its broker: not for longer and longer."""

from threading import Timer

import kombu.utils.functional
import pytest
from kombu.exceptions import OperationalError

from shop.adapters.celery.app import create_worker_app
from testing.servers import running_valkey
from tests.conftest import MakeSettings

#: Workers consume again so long after Redis is back.
PROMISED_S = 5.0


def test_the_next_attempt_is_never_far_away(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kombu.utils.functional, "sleep", lambda _: None)
    # A port on which nothing listens.
    connection = create_worker_app(make_settings(redis_port=1)).connection_for_read()
    intervals_s: list[float] = []

    with pytest.raises(OperationalError), connection:
        # As Celery's consumer calls it.
        connection.ensure_connection(
            lambda _, interval_s: intervals_s.append(interval_s), 50, callback=lambda: None
        )

    assert len(intervals_s) == 50
    assert min(intervals_s) > 0
    assert max(intervals_s) <= PROMISED_S / 4


def test_a_broker_that_comes_back_is_found(make_settings: MakeSettings) -> None:
    with running_valkey() as server:
        app = create_worker_app(make_settings(redis_port=server.port))
        server.kill()
        refused: list[BaseException] = []
        back = Timer(0.5, server.start)
        back.start()
        with app.connection_for_read() as connection:
            found = connection.ensure_connection(lambda error, _: refused.append(error))
            assert found is connection
            assert connection.connected
        back.join()
    assert refused
