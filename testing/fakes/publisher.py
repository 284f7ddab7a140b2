"""Queues in memory: `Publisher` and `AsyncPublisher`."""

from dataclasses import dataclass, field

from shop.domain.errors import PublishFailed
from shop.domain.work import Job, Queue, TaskName


@dataclass
class FakePublisher:
    """Keeps what was published; shared with `FakeAsyncPublisher` when both are needed."""

    jobs: list[Job] = field(default_factory=list)
    #: True: every publication raises `PublishFailed`.
    failing: bool = False
    #: With `failing`: the message goes out all the same, as after a lost confirmation.
    delivered_all_the_same: bool = False
    notification_queue: Queue = Queue.PRIORITY
    #: Queues in which something waits, as `is_idle` tells.
    busy: set[str] = field(default_factory=set)

    def publish(self, job: Job) -> None:
        if not self.failing or self.delivered_all_the_same:
            self.jobs.append(job)
        if self.failing:
            raise PublishFailed("the fake broker is switched off")

    def is_idle(self, queue: str) -> bool:
        if self.failing:
            raise PublishFailed("the fake broker is switched off")
        return queue not in self.busy

    def queue_of(self, task: str) -> str:
        return self.notification_queue if task == TaskName.SEND_NOTIFICATION else Queue.DEFAULT

    def sent(self, task: TaskName) -> list[Job]:
        """What was published of one task, in order."""
        return [job for job in self.jobs if job.task is task]


@dataclass
class FakeAsyncPublisher:
    """The API's side of a `FakePublisher`."""

    publisher: FakePublisher = field(default_factory=FakePublisher)

    async def publish(self, job: Job) -> None:
        self.publisher.publish(job)
