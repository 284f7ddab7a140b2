"""The scripts beside the adapters: each says what it takes, and takes no more."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

import shop.adapters.redis
from shop.adapters.redis.scripts import source

FOLDER = Path(str(files(shop.adapters.redis)))
#: They take a key, or an argument, for each of whatever they are asked for, or hand them on.
OF_ANY_NUMBER = {"look_at_workers", "give_back_message", "audit_stock", "begin_and_settle"}
NAMES = sorted(path.stem for path in (FOLDER / "lua").glob("[a-z]*.lua"))


def header(name: str) -> str:
    """The comment lines at the top, as one text."""
    lines = []
    for line in (FOLDER / "lua" / f"{name}.lua").read_text().splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return "\n".join(lines)


def declared(name: str, kind: str) -> int:
    """How many `KEYS` or `ARGV` the header numbers."""
    text = re.split(r"^(?:KEYS|ARGV|reply)", header(name), flags=re.MULTILINE)
    marks = re.findall(r"^(KEYS|ARGV|reply)", header(name), flags=re.MULTILINE)
    return sum(
        len(re.findall(r"(?:^|\s\s)\d+ ", section, re.MULTILINE))
        for mark, section in zip(marks, text[1:], strict=True)
        if mark == kind
    )


def test_there_are_scripts() -> None:
    assert len(NAMES) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_the_header_says_what_it_replies(name: str) -> None:
    assert re.search(r"^KEYS ", header(name), re.MULTILINE)
    assert re.search(r"^ARGV ", header(name), re.MULTILINE)
    assert re.search(r"^reply ", header(name), re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_ANY_NUMBER])
@pytest.mark.parametrize("kind", ["KEYS", "ARGV"])
def test_the_header_numbers_all_that_is_taken(name: str, kind: str) -> None:
    body = (FOLDER / "lua" / f"{name}.lua").read_text()
    used = {int(number) for number in re.findall(rf"{kind}\[(\d+)\]", body)}

    assert used
    assert max(used) == len(used) == declared(name, kind)


@pytest.mark.parametrize("name", NAMES)
def test_every_script_is_in_use(name: str) -> None:
    uses = (f'source("{name}")', f'Script.named("{name}")')
    users = [
        path for path in FOLDER.parent.rglob("*.py") if any(use in path.read_text() for use in uses)
    ]

    assert users


@pytest.mark.parametrize("name", NAMES)
def test_no_script_walks_over_keys_or_takes_a_clients_time(name: str) -> None:
    commands = set(re.findall(r"redis\.p?call\('(\w+)'", source(name)))

    assert commands
    assert commands.isdisjoint({"KEYS", "SCAN", "SMEMBERS", "RANDOMKEY"})
    assert source(name).index("'TIME'") < source(name).index("now_ms")


def test_keys_and_expiries_stand_in_one_module_only() -> None:
    templates = re.compile(
        r"""["'](?:order|orders|invoice|notification|notifications|stock|price|report|task"""
        r"""|watermark|workers|metrics|audit):"""
    )
    elsewhere = [
        path.relative_to(FOLDER.parents[1])
        for path in FOLDER.parents[1].rglob("*.py")
        if path != FOLDER / "keys.py" and templates.search(path.read_text())
    ]

    assert elsewhere == []
