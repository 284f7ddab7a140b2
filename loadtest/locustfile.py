"""What Locust finds here: `locust -f loadtest/locustfile.py --class-picker`."""

from locust import events

from loadtest.users import hooks
from loadtest.users.scenarios import (
    MixedShopper,
    NotificationProbes,
    OrderFlood,
    PriorityUnderFlood,
    Soak,
    Spike,
)
from loadtest.users.scheduled import ScheduledWalk
from loadtest.web import pages

__all__ = [
    "MixedShopper",
    "NotificationProbes",
    "OrderFlood",
    "PriorityUnderFlood",
    "ScheduledWalk",
    "Soak",
    "Spike",
]

hooks.register(events)
pages.register(events)
