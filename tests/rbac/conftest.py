from __future__ import annotations

import pytest
from pytest_django import Settings

from rbac import audit
from tests.rbac.factories import Characters, make_characters


@pytest.fixture(autouse=True)
def fast_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def no_waiting_denials() -> None:
    """Denials wait for the end of a request or task, which a test of services does not have."""
    audit._waiting.__dict__.clear()


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()
