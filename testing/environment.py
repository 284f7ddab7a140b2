"""What processes inherit that the harness starts, whoever runs it and in which shell."""

from collections.abc import Mapping

from shop.foreign_environment import drop_foreign, without_foreign
from shop.settings import Settings

__all__ = ["drop_foreign", "without_foreign", "without_settings"]


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """No settings of the shop, and none of Celery, Flower, uvicorn and their like."""
    names = {name.upper() for name in Settings.model_fields}
    names |= {f"{name}_FILE" for name in names}
    return {
        name: value
        for name, value in without_foreign(environment).items()
        if name.upper() not in names
    }
