"""A pytest plug-in: the suite's apps are plain Celery's with the shop's settings."""

from collections.abc import Mapping
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing import app as celery_testing

from shop.adapters.celery.config import worker_config
from shop.settings import load_settings
from testing.celery_suite.shop_app import OF_THE_SUITE

#: Settings that name a class of the shop's begin so.
_CODE = "shop."

_create_plain_app = celery_testing.TestApp


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's signature
    celery_testing.TestApp = create_configured_app


def create_configured_app(
    name: str | None = None, config: Mapping[str, Any] | None = None, **options: Any
) -> Celery:
    """In place of `celery.contrib.testing.app.TestApp`, which the suite's fixtures call."""
    settings = {
        setting: value
        for setting, value in worker_config(load_settings()).items()
        if not str(value).startswith(_CODE)
    }
    return _create_plain_app(name, {**settings, **OF_THE_SUITE, **(config or {})}, **options)
