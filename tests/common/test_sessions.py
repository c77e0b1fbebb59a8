"""Sessions are found by a compiled statement while they live, and not after."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from rbac.models import User

pytestmark = pytest.mark.django_db


def test_a_session_ends_by_itself_and_by_signing_out() -> None:
    user = User.objects.create_user("ann", "ann@example.test")
    client = Client()
    client.force_login(user)
    assert client.get("/changes/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE + 60)):
        assert client.get("/changes/").status_code == 302
    kept = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.logout()
    client.cookies[settings.SESSION_COOKIE_NAME] = kept
    assert client.get("/changes/").status_code == 302


def test_a_person_who_is_deactivated_has_no_session() -> None:
    user = User.objects.create_user("ann", "ann@example.test")
    client = Client()
    client.force_login(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/changes/").status_code == 302
