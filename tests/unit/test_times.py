"""What waits for what: time-outs, grace periods and the watchdog fit into each other."""

import re
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from celery import Celery
from celery.app import base

from shop.adapters.celery import connection
from shop.adapters.celery.config import (
    SOFT_SHUTDOWN_S,
    TASK_TIME_LIMIT_S,
    VISIBILITY_TIMEOUT_S,
    WORKER_SOCKET_TIMEOUT_S,
)
from shop.adapters.mail import session, smtp
from shop.adapters.redis import client as store
from shop.adapters.redis import keys
from shop.adapters.redis.recovery import IN_HAND_SLACK_MS, LOST_AT_LATEST_AFTER_MS
from shop.domain.notification import PAUSE_LONGEST_S
from shop.local import services, up
from shop.services import leases
from shop.services.notifying import BACKOFF_CAP_S
from shop.settings import Settings
from shop.tasks import beat, housekeeping, register, schedule, stopping
from tests.unit.checkout import REPOSITORY

#: `docs/guarantees.md`.
TAKEN_UP_WITHIN_S = 5.0
STOPS_WITHIN_S = 10.0
API_ANSWERS_WITHIN_S = 2.0
MAIL_TAKEN_UP_WITHIN_S = 22.0


@pytest.fixture(scope="module")
def containers() -> dict[str, Any]:
    model: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    services: dict[str, Any] = model["services"]
    return services


def seconds(duration: str) -> float:
    (number,) = re.findall(r"^(\d+)s$", duration)
    return float(number)


def default(name: str) -> float:
    value: float = Settings.model_fields[name].get_default()
    return value


class TestStopping:
    def test_a_worker_hands_back_before_it_is_killed(self) -> None:
        slowest_s = SOFT_SHUTDOWN_S + stopping.KILLED_WITHIN_S

        assert slowest_s < services.STOP_WORKER_WITHIN_S
        assert slowest_s < up.STOP_CONTAINER_WORKERS_WITHIN_S

    def test_the_stages_of_a_stop_stay_within_what_is_promised(self) -> None:
        stages_s = (
            services.STOP_INTAKE_WITHIN_S,
            max(services.STOP_WORKER_WITHIN_S, services.STOP_FLOWER_WITHIN_S),
            services.STOP_REDIS_WITHIN_S,
        )

        assert sum(stages_s) < STOPS_WITHIN_S
        assert services.API_GRACE_S < services.STOP_INTAKE_WITHIN_S

    def test_the_engine_waits_for_the_supervisor_of_the_workers(
        self, containers: dict[str, Any]
    ) -> None:
        grace_s = seconds(containers["workers"]["stop_grace_period"])

        assert grace_s > up.STOP_CONTAINER_WORKERS_WITHIN_S + 2

    def test_and_for_requests_under_way(self, containers: dict[str, Any]) -> None:
        assert seconds(containers["backend"]["stop_grace_period"]) > API_ANSWERS_WITHIN_S


class TestHealth:
    def test_a_sign_of_life_may_be_late_and_no_more(self, containers: dict[str, Any]) -> None:
        """Beat, sweep and watchdog are one thread's chores: each may wait for Redis once."""
        _, _, how, max_age_s, *names = containers["workers"]["healthcheck"]["test"]
        waits_s = 3 * store.WORKER_SOCKET_TIMEOUT_S

        assert (how, names) == ("alive", ["worker-default", "worker-priority"])
        assert float(max_age_s) > housekeeping.BEAT_EVERY_S + waits_s
        assert keys.WORKER_TTL_S > housekeeping.BEAT_EVERY_S + store.WORKER_SOCKET_TIMEOUT_S

    def test_beats_sign_of_life_comes_more_often_than_it_is_missed(
        self, containers: dict[str, Any]
    ) -> None:
        *_, max_age_s, _ = containers["celery_beat"]["healthcheck"]["test"]

        assert float(max_age_s) > 2 * beat.MAX_INTERVAL_S

    def test_a_check_names_what_is_frozen_before_it_is_ended_itself(
        self, containers: dict[str, Any]
    ) -> None:
        script = (REPOSITORY / "docker" / "healthcheck").read_text()
        (within_s,) = re.findall(r"ANSWER_WITHIN_S=(\d+)", script)

        for service in containers.values():
            assert float(within_s) < seconds(service["healthcheck"]["timeout"])

    def test_a_container_is_given_the_time_to_start_before_it_counts(
        self, containers: dict[str, Any]
    ) -> None:
        check = containers["workers"]["healthcheck"]

        assert seconds(check["start_period"]) > default("stall_after_s")


class TestWatchdog:
    def test_a_worker_that_reconnects_is_not_taken_for_stuck(self) -> None:
        """A read that fails, a try that is refused and one that succeeds."""
        reconnects_s = 2 * WORKER_SOCKET_TIMEOUT_S + connection.RETRY_LONGEST_S

        assert default("stall_after_s") > reconnects_s
        assert default("stall_after_s") > 3 * housekeeping.WATCH_EVERY_S

    def test_a_stuck_worker_is_ended_before_what_it_holds_is_given_up_on(self) -> None:
        assert default("stall_after_s") < TASK_TIME_LIMIT_S < VISIBILITY_TIMEOUT_S

    def test_no_mail_outlasts_the_task_that_sends_it(self) -> None:
        app = Celery(set_as_current=False)
        # Not in every other app of this process, too.
        with patch.object(base, "connect_on_app_finalize", lambda make: make):
            register(app)

        assert app.tasks["send_notification"].time_limit == session.LONGEST_S
        assert TASK_TIME_LIMIT_S < session.LONGEST_S < VISIBILITY_TIMEOUT_S


class TestMail:
    def test_a_mail_whose_worker_died_is_sent_again_within_what_is_promised(self) -> None:
        assert smtp.LEASE_S + default("overdue_after_s") == MAIL_TAKEN_UP_WITHIN_S

    def test_a_store_that_is_away_for_a_moment_costs_no_lease(self) -> None:
        late_s = 2 * leases.RENEW_EVERY_S + store.WORKER_SOCKET_TIMEOUT_S + leases.RETRY_AFTER_S

        assert late_s < smtp.LEASE_S

    def test_a_pause_of_the_sender_is_no_lost_work(self) -> None:
        assert max(PAUSE_LONGEST_S, BACKOFF_CAP_S) < LOST_AT_LATEST_AFTER_MS / 1000


class TestLostWork:
    def test_it_is_found_within_what_is_promised(self) -> None:
        found_s = default("overdue_after_s") + 2 * default("sweep_every_s")

        assert found_s < TAKEN_UP_WITHIN_S
        assert found_s < schedule.CHECK_PENDING_EVERY_S

    def test_it_is_not_looked_for_while_it_may_be_in_hand(self) -> None:
        assert default("overdue_after_s") > IN_HAND_SLACK_MS / 1000
