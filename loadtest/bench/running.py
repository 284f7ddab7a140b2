"""The command `bench`: measures, shows, and answers with an exit code."""

import json
from collections.abc import Mapping, Sequence

from rich.console import Console

from loadtest.bench.bench import Bench, BenchBroke, Result
from loadtest.bench.registry import BENCHES
from loadtest.bench.table import all_reached, document, table
from testing.terminal import to_stdout

REACHED, NOT_REACHED = 0, 1


def bench(
    names: Sequence[str],
    rounds: int | None,
    as_json: bool,
    notes: Console,
    *,
    benches: Mapping[str, Bench] = BENCHES,
    out: Console | None = None,
) -> int:
    """Run the benches of these names, or all; what they say goes to `out`, progress to `notes`.

    0 if all that is to be reached is, else 1. Raises `BenchBroke`.
    """
    if unknown := [name for name in names if name not in benches]:
        raise BenchBroke(f"there is no bench {unknown[0]}; there are {', '.join(benches)}")
    results = dict[str, Result]()
    for name in names or benches:
        notes.print(f"{name}: {benches[name].question}", markup=False)
        with notes.status(name) as status:
            results[name] = benches[name].run(
                rounds,
                lambda line, name=name: status.update(f"{name}: {line}"),  # type: ignore[misc]
            )
    out = out or to_stdout()
    if as_json:
        out.print(json.dumps(document(results), indent=2), markup=False, soft_wrap=True)
    else:
        out.print(table(results))
    return REACHED if all_reached(results) else NOT_REACHED
