"""What a sabotage consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from testing.checkers import Check
from testing.sabotage.scene import Scene


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a shop before it is started; by default nothing is."""

    settings: Mapping[str, str] = field(default_factory=dict)
    #: Of the server's configuration.
    redis_options: Mapping[str, str] = field(default_factory=dict)
    #: Services that are left out.
    without: frozenset[str] = frozenset()
    #: A name of `testing.sabotage.patches.PATCHES`.
    patch: str | None = None


SOUND = Change()


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to a shop; a sound one comes through it without a violation."""

    #: One line, for the documents.
    what: str
    play: Callable[[Scene], None]
    #: sku -> units at the beginning.
    stock: Mapping[str, int]
    settings: Mapping[str, str] = field(default_factory=dict)
    #: fault name -> how often it takes hold.
    faults: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One way to break the shop, and the checker that has to notice."""

    name: str
    #: One line, for the documents.
    breaks: str
    change: Change
    scenario: Scenario
    check: Check
