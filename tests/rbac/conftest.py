from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.rbac.factories import Characters, make_characters


@pytest.fixture(autouse=True)
def fast_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()
