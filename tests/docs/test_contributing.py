"""CONTRIBUTING.md sends nobody to a place that is not there."""

import pytest

from tests.docs.markdown import REPOSITORY, read

ROWS = read("CONTRIBUTING.md").table("to change")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].text)
def test_what_is_to_be_opened_is_there(row: tuple) -> None:
    _, to_open = row

    assert to_open.codes
    assert [path for path in to_open.codes if not (REPOSITORY / path).exists()] == []
    # A folder is written as one.
    assert [
        path for path in to_open.codes if (REPOSITORY / path).is_dir() != (path[-1] == "/")
    ] == []
