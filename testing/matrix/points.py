"""The round trips that the matrix knows: what is not among them makes a test red."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from testing.faults.trips import Point

FILE = Path(__file__).with_name("points.json")

#: By service; `services` are those of the services in one process.
Points = Mapping[str, set[Point]]


def known() -> dict[str, set[Point]]:
    """As the command has last written them."""
    if not FILE.exists():
        return {}
    found = json.loads(FILE.read_text())
    return {
        service: {
            Point(name, command) for name, commands in by_name.items() for command in commands
        }
        for service, by_name in found.items()
    }


def unknown(seen: Points) -> list[str]:
    """Round trips that are not in the table, each as `service connection command`."""
    table = known()
    return sorted(
        f"{service} {point}"
        for service, points in seen.items()
        for point in points - table.get(service, set())
    )


def write(seen: Points) -> None:
    """Those that were seen take the place of what was known of these services."""
    table = {**known(), **seen}
    written: dict[str, dict[str, list[str]]] = {}
    for service in sorted(table):
        by_name = defaultdict[str, list[str]](list)
        for point in sorted(table[service]):
            by_name[point.connection].append(point.command)
        written[service] = by_name
    FILE.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
