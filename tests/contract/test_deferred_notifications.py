"""`NotificationBook`: what the mail server asks of all, and what says nothing of a mail."""

from dataclasses import replace

from shop.domain.notification import (
    PAUSE_FIRST_S,
    PAUSE_LONGEST_S,
    RELEASED_A_SECOND,
    BegunNotification,
)
from tests.builders import a_notification
from tests.contract.backends import Backend, Ports
from tests.contract.test_notifications import PENDING, lost


class TestDeferred:
    """What stopped the delivery says nothing of the notification."""

    def test_the_attempt_does_not_count(self, ports: Ports, backend: Backend) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")

        for _ in range(2):
            # As a client repeats itself whose reply was lost.
            ports.notifications.defer("task-1", 60.0, "no connection was free")

        assert ports.notifications.find("task-1") == replace(
            PENDING, reason="no connection was free"
        )
        backend.pass_time(59_000)
        assert lost(ports) == []
        backend.pass_time(1_000)
        assert lost(ports) == ["task-1"]
        assert ports.notifications.begin(a_notification(), "task-1", "two") == BegunNotification(
            "pending", 1, deferrals=1
        )

    def test_after_it_was_delivered_nothing_changes(self, ports: Ports) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")
        ports.notifications.delivered("task-1")
        before = ports.notifications.find("task-1")

        ports.notifications.defer("task-1", 1.0, "too late", slow_down=True)

        assert ports.notifications.find("task-1") == before
        assert ports.notifications.begin(a_notification(), "task-2", "one").status == "pending"


class TestPaused:
    """The mail server wants fewer mails: none is tried for a while, in any worker."""

    def slow_down(self, ports: Ports, task_id: str = "told") -> None:
        assert ports.notifications.begin(a_notification(), task_id, "one").status == "pending"
        ports.notifications.defer(task_id, 0.5, "450 Too many mails", 450, slow_down=True)

    def test_others_are_left_for_later_and_nothing_is_counted(
        self, ports: Ports, backend: Backend
    ) -> None:
        self.slow_down(ports)

        begun = ports.notifications.begin(a_notification(), "task-1", "one")

        assert begun == BegunNotification("paused", 0)
        assert ports.notifications.find("task-1") == PENDING
        backend.pass_time(PAUSE_FIRST_S * 1000 - 1_500)
        assert lost(ports) == []
        backend.pass_time(2_000)
        # The one that was told so comes first, although it was to come sooner.
        assert lost(ports) == ["told", "task-1"]

    def test_those_that_waited_come_back_one_after_the_other(
        self, ports: Ports, backend: Backend
    ) -> None:
        for pause_s in (2, 4, 8, 16, 32, 64, 128):
            self.slow_down(ports)
            backend.pass_time(pause_s * 1000)
        self.slow_down(ports)
        ids = [f"task-{number}" for number in range(5)]
        for task_id in ids:
            for _ in range(2):
                # As a client repeats itself whose reply was lost.
                ports.notifications.begin(a_notification(), task_id, "one")

        after_ms = [backend.due_ms(task_id) - backend.due_ms("told") for task_id in ids]

        each_ms = 1_000 // RELEASED_A_SECOND
        assert after_ms == [each_ms * place for place in range(1, 6)]

    def test_when_it_is_over_the_next_one_begins(self, ports: Ports, backend: Backend) -> None:
        self.slow_down(ports)
        backend.pass_time(PAUSE_FIRST_S * 1000)

        assert ports.notifications.begin(a_notification(), "task-1", "one").status == "pending"

    def test_it_takes_twice_as_long_each_time_until_one_is_delivered(
        self, ports: Ports, backend: Backend
    ) -> None:
        for pause_s in (2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
            self.slow_down(ports)
            # Of several under way the first one counts.
            ports.notifications.defer("told", 0.5, "450 Too many mails", 450, slow_down=True)
            backend.pass_time(pause_s * 1000 - 1_500)
            begun = ports.notifications.begin(a_notification(), "x", str(pause_s))
            assert begun.status == "paused"
            backend.pass_time(1_500)

        ports.notifications.begin(a_notification(), "task-1", "one")
        ports.notifications.delivered("task-1", 250)

        self.slow_down(ports)
        backend.pass_time(PAUSE_FIRST_S * 1000)
        assert ports.notifications.begin(a_notification(), "x", "x").status == "pending"

    def test_one_that_was_under_way_does_not_end_it(self, ports: Ports) -> None:
        ports.notifications.begin(a_notification(), "task-1", "one")
        self.slow_down(ports)

        ports.notifications.delivered("task-1", 250)

        assert ports.notifications.begin(a_notification(), "task-2", "one").status == "paused"

    def test_a_clock_that_was_set_back_makes_it_no_longer(
        self, ports: Ports, backend: Backend
    ) -> None:
        self.slow_down(ports)

        backend.pass_time(-2 * PAUSE_LONGEST_S * 1000)

        assert ports.notifications.begin(a_notification(), "task-1", "one").status == "pending"
