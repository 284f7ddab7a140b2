"""Addresses are judged as pydantic judges them, and the plain ones without asking it."""

from collections.abc import Callable
from enum import StrEnum
from string import ascii_lowercase
from typing import Any

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import EmailStr, TypeAdapter, ValidationError, networks

from shop.domain.email import Email
from shop.domain.invoice import InvoiceData
from tests.builders import a_notification, an_order

OURS: TypeAdapter[Any] = TypeAdapter(Email)
PYDANTICS: TypeAdapter[Any] = TypeAdapter(EmailStr)

#: 63 letters, as long as a label may be.
LABEL = "d" * 63
#: 254 characters with 64 before the @-sign, the most that either may have.
LONGEST = f"{'a' * 64}@{LABEL}.{LABEL}.{'d' * 57}.com"

PLAIN = [
    "ann@example.com",
    "ann.smith@example.com",
    "ann_smith+shop@mail.example.co.uk",
    "a@b.c",
    "a-b@c-d.com",
    "-_+@example.com",
    "1001@163.com",
    "info@example.com",
    "ann@1a.example",
    f"ann@{LABEL}.com",
    f"ann@example.{LABEL}",
    LONGEST,
    # These end as special names do, but not after a dot.
    *(f"ann@example.my{name}" for name in SPECIAL_USE_DOMAIN_NAMES),
    "ann@test.com",
]

#: Valid or not, and kept as they are or not: nothing that the pattern should know.
NOT_PLAIN = [
    "",
    "@",
    "ann",
    "ann@",
    "@example.com",
    "ann@example",
    "ann@@example.com",
    "ann@bob@example.com",
    "ann@example.com.",
    "ann@.example.com",
    "ann@example..com",
    ".ann@example.com",
    "ann.@example.com",
    "ann..smith@example.com",
    "ann@-example.com",
    "ann@example-.com",
    "ann@example.-com",
    "ann@example.com-",
    "ann@ab--cd.com",
    "ann@example.ab--cd.com",
    "ann@a--b.com",
    "ann@xn--mnchen-3ya.de",
    "ann@mail.xn--mnchen-3ya.de",
    "ann@xn--0.com",
    "ann@axn--b.com",
    "ann@example.xn--p1ai",
    "ann@example.123",
    "ann@example.c0m",
    "ann@example.com1",
    "ann@example.co-m",
    "ann@exa_mple.com",
    "ann@exa+mple.com",
    "ann@[127.0.0.1]",
    "ann@127.0.0.1",
    "Ann@example.com",
    "INFO@example.com",
    "ann@Example.com",
    "ann@example.COM",
    "o'brien@example.com",
    '"ann"@example.com',
    '"ann smith"@example.com',
    "Ann <ann@example.com>",
    "<ann@example.com>",
    "ann <ann@example.com>",
    " ann@example.com",
    "ann@example.com ",
    "ann@example.com\n",
    "\nann@example.com",
    "ann@example.com\r\nBcc: bob@example.com",
    "ann@example.com,bob@example.com",
    "ann smith@example.com",
    "анна@example.com",
    "ann@bücher.example",
    "ann@example.\N{CYRILLIC SMALL LETTER ES}om",
    "ann@example\N{FULLWIDTH FULL STOP}com",
    "ann\N{FULLWIDTH COMMERCIAL AT}example.com",
    "a\N{COMBINING ACUTE ACCENT}nn@example.com",
    "\N{ARABIC-INDIC DIGIT THREE}@example.com",
    "\N{KELVIN SIGN}@example.com",
    "ann@\N{LATIN SMALL LETTER LONG S}hop.com",
    "ann\ud800@example.com",
    # Too long in one place each; the library does not mind the first.
    f"{'a' * 65}@example.com",
    f"ann@{LABEL}d.com",
    f"ann@mail.{LABEL}d.com",
    f"ann@example.{LABEL}d",
    LONGEST.replace(".com", "d.com"),
    f"ann@{'d.' * 1_500}com",
    f"ann@{'d.' * 127}com",
    *(f"ann@{name}" for name in SPECIAL_USE_DOMAIN_NAMES),
    *(f"ann@example.{name}" for name in SPECIAL_USE_DOMAIN_NAMES),
]


class Constant(StrEnum):
    ANN = "ann@example.com"


class Text(str):
    __slots__ = ()


#: Every character of ASCII, and some that other rules take for one of its.
CHARACTERS = [chr(code) for code in range(128)] + list("éſK٣．＠\N{SOFT HYPHEN}\u200b\ud800")


def judged(by: TypeAdapter[Any], value: Any) -> tuple[type, Any]:
    """What became of `value`: the text, or all that is said against it."""
    try:
        accepted = by.validate_python(value)
    except ValidationError as refused:
        return ValidationError, refused.errors()
    return type(accepted), accepted


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that pydantic is asked about."""
    addresses = []
    validate_email = networks.validate_email

    def noted(value: str) -> tuple[str, str]:
        addresses.append(value)
        return validate_email(value)

    monkeypatch.setattr(networks, "validate_email", noted)
    return addresses


@pytest.mark.parametrize("address", PLAIN)
def test_a_plain_address_is_known_without_asking(address: str, asked: list[str]) -> None:
    assert OURS.validate_python(address) == address
    assert asked == []

    assert PYDANTICS.validate_python(address) == address
    assert asked == [address]


@pytest.mark.parametrize(
    "make",
    [
        lambda address: an_order(email=address),
        lambda address: a_notification(email=address),
        lambda address: InvoiceData(email=address),
    ],
    ids=["order", "notification", "invoice"],
)
def test_whoever_has_an_address_knows_the_plain_ones(
    make: Callable[[str], Any], asked: list[str]
) -> None:
    assert make("ann.smith@example.com").email == "ann.smith@example.com"
    assert asked == []

    assert make("Ann.Smith@EXAMPLE.com").email == "Ann.Smith@example.com"
    assert asked == ["Ann.Smith@EXAMPLE.com"]


@pytest.mark.parametrize("address", NOT_PLAIN, ids=ascii)
def test_every_other_is_left_to_pydantic(address: str, asked: list[str]) -> None:
    ours = judged(OURS, address)
    assert asked == [address]

    assert ours == judged(PYDANTICS, address)


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        True,
        1.0,
        ["ann@example.com"],
        {"email": "ann@example.com"},
        b"ann@example.com",
        bytearray(b"ann@example.com"),
        b"\xff@example.com",
        Constant.ANN,
        Text("ann@example.com"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_left_to_pydantic(value: Any) -> None:
    assert judged(OURS, value) == judged(PYDANTICS, value)


@pytest.mark.parametrize("around", [("", ""), ("a", ""), ("", "b"), ("a", "b"), ("a-", "b")])
@pytest.mark.parametrize(
    "place", ["{}@example.com", "ann.{}@example.com", "ann@{}.com", "ann@a.{}.com", "ann@a.{}"]
)
def test_every_character_is_judged_the_same_in_every_place(
    place: str, around: tuple[str, str]
) -> None:
    for character in CHARACTERS:
        address = place.format(character.join(around))
        assert judged(OURS, address) == judged(PYDANTICS, address)


_ATOM = st.text(ascii_lowercase + "0123456789_+-", min_size=1, max_size=4)
_NAMES = st.lists(_ATOM, min_size=1, max_size=3).map(".".join)
_LABELS = st.lists(
    st.from_regex(r"[a-z0-9]{1,3}(-[a-z0-9]{1,3})?", fullmatch=True), min_size=1, max_size=3
)
_ENDS = st.sampled_from(["c", "com", "museum"])

_ODD_NAMES = st.sampled_from(["INFO", ".a", "a.", "a..b", '"a"', "a b", "a" * 65, ""])
_ODD_LABELS = st.sampled_from(["-a", "a-", "a--b", "ab--c", "xn--p1ai", "A", "d" * 64, ""])
_ODD_ENDS = st.sampled_from(["123", "c0m", "COM", "-c", "c-", "xn--p1ai", "d" * 64, ""])
_SPECIAL_ENDS = st.sampled_from(SPECIAL_USE_DOMAIN_NAMES)


def addresses(
    names: st.SearchStrategy[str] = _NAMES,
    labels: st.SearchStrategy[list[str]] = _LABELS,
    ends: st.SearchStrategy[str] = _ENDS,
) -> st.SearchStrategy[str]:
    """Plain ones, but for the part that is given."""
    return st.builds(
        lambda name, labels, end: f"{name}@{'.'.join([*labels, end])}", names, labels, ends
    )


ODD_IN_ONE_PART = (
    addresses(names=_ODD_NAMES)
    | addresses(labels=st.tuples(_ODD_LABELS, _LABELS).map(lambda both: [both[0], *both[1]]))
    | addresses(ends=_ODD_ENDS)
    | addresses(ends=_SPECIAL_ENDS)
    | addresses(labels=st.just([]))
)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """A plain one of which one or two characters are lost, new or others."""
    address = draw(addresses())
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(0, len(address)))
        end = draw(st.integers(start, min(start + 1, len(address))))
        new = draw(st.sampled_from([*".-@A <\n", ""]) | st.sampled_from(CHARACTERS))
        address = address[:start] + new + address[end:]
    return address


@settings(max_examples=200, deadline=None)
@given(addresses() | ODD_IN_ONE_PART | edited() | st.emails() | st.text(max_size=20))
def test_any_address_is_judged_the_same(address: str) -> None:
    assert judged(OURS, address) == judged(PYDANTICS, address)


def test_addresses_in_json_are_judged_the_same() -> None:
    for address in ("ann@example.com", "Ann@EXAMPLE.com"):
        text = f'"{address}"'
        assert OURS.validate_json(text) == PYDANTICS.validate_json(text)


def test_the_schema_is_that_of_pydantic() -> None:
    assert OURS.json_schema() == PYDANTICS.json_schema() == {"type": "string", "format": "email"}
