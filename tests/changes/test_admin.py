"""The admin site decides and records like every other way in."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from idp.changes.models import ApprovalRule, Change
from rbac.models import AuditRecord
from tests.changes.conftest import Propose
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(people: Characters) -> Client:
    client = Client()
    client.force_login(people.administrator)
    return client


def url(name: str, *args: object) -> str:
    return reverse(f"admin:changes_{name}", args=args)


def test_rules_are_saved_by_the_service_and_recorded(admin: Client, people: Characters) -> None:
    given = {
        "name": "prod",
        "scope": people.tier("production").pk,
        "condition": "deletes > 0",
        "needed": 2,
        "active": "on",
    }
    page = admin.post(url("approvalrule_add"), {**given, "condition": "delets > 0"})
    assert "delets" in page.content.decode()
    assert page.status_code == 200
    assert admin.post(url("approvalrule_add"), given).status_code == 302
    rule = ApprovalRule.objects.get()
    record = AuditRecord.objects.get(action="gate.manage")
    assert record.after["needed"] == 2
    assert record.actor == people.administrator
    assert admin.post(url("approvalrule_delete", rule.pk), {"post": "yes"}).status_code == 302
    assert AuditRecord.objects.filter(action="gate.manage").count() == 2


def test_changes_freezes_and_waivers_are_read_only(admin: Client, propose: Propose) -> None:
    change = propose()
    for name in ("change", "freeze", "waiver", "approvalrule"):
        assert admin.get(url(f"{name}_changelist")).status_code == 200
    assert admin.get(url("change_change", change.pk)).status_code == 200
    assert admin.get(url("change_add")).status_code == 403
    assert admin.post(url("change_delete", change.pk), {"post": "yes"}).status_code == 403
    assert admin.post(url("change_change", change.pk), {"title": "x"}).status_code == 403
    assert Change.objects.get().title == "make things"


def test_people_without_the_permission_see_nothing(propose: Propose, people: Characters) -> None:
    propose()
    people.maintainer.is_staff = True  # Django's own mark opens nothing
    people.maintainer.save()
    client = Client()
    client.force_login(people.maintainer)
    assert client.get(url("change_changelist"), follow=True).status_code == 403
