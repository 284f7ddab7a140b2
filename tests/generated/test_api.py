"""What the OpenAPI schema allows and forbids, sent to a running shop: each answer is as it says.

The full campaign is `python -m testing.generated`.
"""

import pytest

from testing.generated import campaign
from testing.stacks.local import LocalStack
from testing.waiting import wait_for

#: Of the few hundred cases, most stand in the schema itself: its limits and its examples.
MAX_EXAMPLES = 12
SEED = 1
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def outcome(shop: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> campaign.Outcome:
    return campaign.run(
        shop,
        tmp_path_factory.mktemp("generated"),
        max_examples=MAX_EXAMPLES,
        seed=SEED,
        within_s=WITHIN_S,
    )


def test_orders_among_them_went_their_whole_way(
    shop: LocalStack, outcome: campaign.Outcome
) -> None:
    assert outcome.cases
    wait_for(
        "some order got its invoice",
        lambda: int(shop.redis().hget("metrics:orders", "invoiced") or 0) > 0,
        within_s=10.0,
        explain=shop.describe,
    )


def test_every_answer_is_as_the_schema_says(outcome: campaign.Outcome) -> None:
    assert outcome.is_clean, outcome.output
    assert outcome.cases >= 300
