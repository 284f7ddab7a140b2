"""Goods: their levels and prices, by the command line."""

import pytest
from redis import Redis

from tests.unit.cli.commands import Shop


def test_seed_adds_what_is_missing_and_overwrites_nothing(shop: Shop, store: Redis) -> None:
    store.set("stock:SKU-1", 7)
    store.set("price:SKU-2", 1)
    first = shop("seed", "--json")
    assert first.code == 0
    assert first.json == {"added": ["SKU-2", "SKU-3", "SKU-4", "SKU-5"]}
    assert store.get("stock:SKU-1") == "7"
    assert store.get("price:SKU-2") == "1"
    assert shop("seed", "--json").json == {"added": []}
    assert shop("seed").out == "Nothing to add: all of it is there.\n"


def test_seed_tells_people_what_it_added(shop: Shop) -> None:
    assert shop("seed").out == "Added SKU-1, SKU-2, SKU-3, SKU-4, SKU-5.\n"


def test_stock_is_set_and_listed(shop: Shop) -> None:
    assert shop("stock", "set", "B-2", "5", "--price", "19.90").code == 0
    assert shop("stock", "set", "A-1", "0").code == 0
    listed = shop("stock", "list", "--json")
    assert listed.json == [
        {"sku": "A-1", "qty": 0, "price_minor": None},
        {"sku": "B-2", "qty": 5, "price_minor": 1990},
    ]
    table = shop("stock", "list")
    assert table.code == 0
    assert "19.90 EUR" in table.out
    assert table.out.index("A-1") < table.out.index("B-2")


def test_a_price_that_is_not_given_stays(shop: Shop, store: Redis) -> None:
    shop("stock", "set", "A", "1", "--price", "2.50")
    answer = shop("stock", "set", "A", "9", "--json")
    assert answer.json == {"sku": "A", "qty": 9, "price_minor": 250}
    assert (store.get("stock:A"), store.get("price:A")) == ("9", "250")


def test_prices_are_in_the_shops_currency(shop: Shop, store: Redis) -> None:
    assert shop("stock", "set", "A", "1", "--price", "500", CURRENCY="JPY").code == 0
    assert store.get("price:A") == "500"
    assert "500 JPY" in shop("stock", "list", CURRENCY="JPY").out
    refused = shop("stock", "set", "A", "1", "--price", "5.5", CURRENCY="JPY")
    assert (refused.code, refused.err) == (2, "shop: --price: '5.5' is not an amount of JPY\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a b", "1"), "'a b' is not 1 to 64 of"),
        (("", "1"), "'' is not 1 to 64 of"),
        ((".hidden", "1"), "'.hidden' is not"),
        (("x" * 65, "1"), "is not 1 to 64 of"),
        (("new\nline", "1"), "'new\\nline' is not"),
        (("A", "1.5"), "Invalid value for"),
        (("A", "many"), "Invalid value for"),
        (("A", str(10**12)), "Invalid value for"),
        (("A", "--", "-1"), "Invalid value for"),
        (("A", "1", "--price", "free"), "'free' is not an amount of EUR"),
        (("A", "1", "--price", "-1"), "'-1' is not an amount of EUR"),
        (("A", "1", "--price", "1.999"), "'1.999' is not an amount of EUR"),
        (("A", "1", "--price", "nan"), "'nan' is not an amount of EUR"),
    ],
)
def test_stock_that_cannot_be_is_refused_and_nothing_is_stored(
    shop: Shop, store: Redis, arguments: tuple[str, ...], said: str
) -> None:
    refused = shop("stock", "set", *arguments)
    assert refused.code == 2
    assert said in refused.err
    assert store.keys() == []


def test_an_empty_shop_is_told_how_to_get_stock(shop: Shop) -> None:
    empty = shop("stock", "list")
    assert empty.code == 0
    assert "shop seed" in empty.out
    assert shop("stock", "list", "--json").json == []


def test_what_was_set_by_hand_is_shown_as_it_is(shop: Shop, store: Redis) -> None:
    # Neither taken for markup nor cut short.
    name = "[red]" + "x" * 70
    store.set(f"stock:{name}", 3)
    assert name in shop("stock", "list").out
    assert shop("stock", "list", "--json").json[0]["sku"] == name
