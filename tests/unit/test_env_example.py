""".env.example beside the settings."""

import re

import pytest

from shop.settings import Settings
from tests.unit.checkout import REPOSITORY

#: Names that Compose alone reads.
COMPOSE_ONLY = {
    "API_PUBLISHED_PORT", "FLOWER_PUBLISHED_PORT", "REDIS_PUBLISHED_PORT", "SHOP_IMAGE",
    "RABBITMQ_PUBLISHED_PORT", "RABBITMQ_PASSWORD",
}  # fmt: skip


def shown_values() -> dict[str, str]:
    """What the file shows behind each name, commented out or not."""
    text = (REPOSITORY / ".env.example").read_text()
    return {
        name: value.strip("'")
        for name, value in re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE)
    }


def test_lists_every_setting() -> None:
    settings = {field.upper() for field in Settings.model_fields}

    # The image and Compose say where services leave their signs of life and their counts.
    folders = {"SHOP_RUN_DIR", "PROMETHEUS_MULTIPROC_DIR"}
    assert set(shown_values()) == (settings - folders) | COMPOSE_ONLY


def test_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    defaults = Settings()

    for name, value in shown_values().items():
        # The one that has no default, and that nothing starts with as it is shown.
        if name != "FLOWER_PASSWORD":
            monkeypatch.setenv(name, value)

    assert Settings() == defaults
