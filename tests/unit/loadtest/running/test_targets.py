"""What `--stack` and `--broker` mean, with the environment that they are typed in."""

import pytest

from loadtest.running.targets import Refused, broker_of

URL = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("stack", "typed", "environment", "broker"),
    [
        ("local", None, None, None),
        ("local", None, "redis", None),
        # The stack would have it: the manifest has to say so, and a replay to raise it again.
        ("local", None, "rabbitmq", "rabbitmq"),
        ("containers", None, "rabbitmq", "rabbitmq"),
        ("local", "redis", "rabbitmq", "redis"),
        ("local", "rabbitmq", None, "rabbitmq"),
        # A shop that is there has its own.
        (URL, None, "rabbitmq", None),
    ],
)
def test_the_broker_is_the_one_that_the_stack_will_have(
    monkeypatch: pytest.MonkeyPatch,
    stack: str,
    typed: str | None,
    environment: str | None,
    broker: str | None,
) -> None:
    monkeypatch.delenv("SHOP_BROKER", raising=False)
    if environment is not None:
        monkeypatch.setenv("SHOP_BROKER", environment)

    assert broker_of(stack, typed) == broker


def test_a_broker_that_is_none_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_BROKER", "kafka")

    with pytest.raises(Refused, match="SHOP_BROKER=kafka: redis or rabbitmq"):
        broker_of("local", None)
