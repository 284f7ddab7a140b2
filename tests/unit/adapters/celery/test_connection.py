"""How a worker waits for its broker: not for longer and longer."""

from threading import Timer
from types import SimpleNamespace

import kombu.utils.functional
import pytest
from kombu.exceptions import OperationalError

from shop.adapters.celery import connection as connection_module
from shop.adapters.celery.app import create_worker_app
from shop.adapters.celery.connection import STEADY_AFTER_S, BackOff
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


def test_what_is_lost_at_once_is_made_again_later_and_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 0.0
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds
        slept.append(seconds)

    monkeypatch.setattr(
        connection_module, "time", SimpleNamespace(monotonic=lambda: now_s, sleep=sleep)
    )
    back_off, waits = BackOff(), []
    for lasts_s in (0.0,) * 7 + (STEADY_AFTER_S + 1,) + (0.0,) * 2:
        began_s = now_s
        back_off.wait(lambda: None)
        waits.append(round(now_s - began_s, 2))
        back_off.made()
        now_s += lasts_s

    assert waits == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0, 0.0, 0.2]
    assert max(slept) <= 0.2, "whether it is to stop is asked meanwhile"


def test_a_wait_may_be_ended() -> None:
    back_off = BackOff()
    back_off.made()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_off.wait(stop)
