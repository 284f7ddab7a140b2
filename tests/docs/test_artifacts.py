"""docs/artifacts.md says what `loadtest verify` runs, and how long that takes."""

from loadtest.claims import CLAIMS, QUICK_MINUTES
from tests.docs.markdown import read, source

ROWS = read("docs/artifacts.md").table("name")


def test_the_table_is_what_is_run() -> None:
    assert [[cell.text for cell in row] for row in ROWS] == [
        [
            claim.name,
            claim.claim,
            f"python -m {' '.join(claim.command)}",
            f"{claim.minutes} min",
            claim.tolerance,
            claim.file,
        ]
        for claim in CLAIMS
    ]


def test_the_page_says_what_quick_is() -> None:
    together = sum(claim.minutes for claim in CLAIMS if claim.is_quick)
    assert f"{together} minutes together" in source("docs/artifacts.md")
    assert f"every row of at most {QUICK_MINUTES} minutes" in source("docs/artifacts.md")
