"""A history in memory, with what tests look for in it."""

from testing.history import Effect, Event, Recorder, Sight


class Memory(Recorder):
    """Keeps events as they are recorded."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def effects(self, effect: Effect) -> list[Event]:
        return [event for event in self.events if event.data.get("effect") == effect]

    def sights(self, sight: Sight) -> list[Event]:
        return [event for event in self.events if event.data.get("sight") == sight]
