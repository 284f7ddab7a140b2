"""What the OpenAPI schema allows and forbids, sent to a running shop: each answer is as it says.

The full campaign is `python -m testing.generated`.
"""

import pytest

from testing.generated import campaign
from testing.stacks.local import LocalStack

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


def test_every_answer_is_as_the_schema_says(outcome: campaign.Outcome) -> None:
    assert outcome.is_clean, outcome.output
    assert outcome.cases >= 300
