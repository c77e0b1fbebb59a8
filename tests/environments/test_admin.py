"""The admin site of this app, and the comparison of the four sides."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from environments.models import Blueprint, BlueprintVersion, Limit
from environments.orphans import orphans
from gitops.backends.base import ObjectRef
from gitops.targets import cluster_target
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.environments.factories import bring
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db
SCHEMA = {"type": "object", "additionalProperties": False, "properties": {}}


@pytest.fixture
def admin(people: Characters) -> Client:
    client = Client()
    client.force_login(people.administrator)
    return client


def version(blueprint: Blueprint, **more: str) -> dict[str, str]:
    return {
        "blueprint": str(blueprint.pk),
        "version": "1.0.0",
        "schema": json.dumps(SCHEMA),
        "template": "documents: []",
        "notes": "",
        **more,
    }


def test_a_version_is_checked_published_and_then_final(admin: Client) -> None:
    blueprint = Blueprint.objects.create(name="own", title="Own")
    url = "/admin/environments/blueprintversion/"
    bad = admin.post(f"{url}add/", version(blueprint, template="documents: 1"))
    assert "A template is a map with a list" in bad.content.decode()
    bad = admin.post(f"{url}add/", version(blueprint, schema="{"))
    assert "It is not JSON" in bad.content.decode()
    assert admin.post(f"{url}add/", version(blueprint)).status_code == 302
    draft = BlueprintVersion.objects.get(blueprint=blueprint)
    assert draft.published_at is None
    chosen = {"action": "publish", "_selected_action": str(draft.pk)}
    assert admin.post(url, chosen).status_code == 302
    draft.refresh_from_db()
    assert draft.published_at is not None
    assert admin.post(f"{url}{draft.pk}/change/", version(blueprint)).status_code == 403
    actions = set(AuditRecord.objects.values_list("action", flat=True))
    assert {"blueprint.create-version", "blueprint.publish"} <= actions


def test_a_limit_is_saved_with_before_and_after(admin: Client, people: Characters) -> None:
    url = "/admin/environments/limit/"
    fields = {
        "name": "few",
        "scope": str(people.scope.pk),
        "max_environments": "3",
        "allowed_tiers": "[]",
    }
    assert admin.post(f"{url}add/", fields).status_code == 302
    limit = Limit.objects.get()
    changed = {**fields, "max_environments": "5"}
    assert admin.post(f"{url}{limit.pk}/change/", changed).status_code == 302
    record = AuditRecord.objects.filter(action="limit.save").first()
    assert record is not None
    assert record.before["max_environments"] == 3
    assert record.after["max_environments"] == 5


def test_a_refused_form_keeps_what_was_written(admin: Client, people: Characters) -> None:
    fields = {"name": "few", "scope": str(people.scope.pk), "allowed_tiers": '["moon"]'}
    url = "/admin/environments/limit/add/"
    answer = admin.post(url, fields)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'value="few"' in page
    assert "Use a list of preview, development, staging, production." in page
    assert list(answer.context["adminform"].form.errors) == ["allowed_tiers"]
    again = admin.post(url, {**fields, "allowed_tiers": "[]", "cpu": "lots"})
    assert "is not an amount" in str(again.context["adminform"].form.errors["cpu"])
    assert not Limit.objects.exists()
    right = {**fields, "allowed_tiers": "[]", "cpu": "2"}
    assert admin.post(url, right).status_code == 302


def test_who_is_no_administrator_gets_nowhere(people: Characters) -> None:
    client = Client()
    client.force_login(people.maintainer)
    assert client.get("/admin/environments/limit/").status_code in {302, 403}


def test_the_four_sides_agree_until_somebody_meddles(
    admin: Client, dana: Actor, people: Characters
) -> None:
    environment = bring(dana, people.project)
    assert orphans(environment) == []
    application = environment.application
    target = cluster_target(application.cluster)
    ref = ObjectRef("v1", "Service", "web", application.namespace)
    target.delete(ref, owner=application.namespace)
    (one,) = orphans(environment)
    assert one.sentence == "the cluster lacks Service web, the database has it."
    data = {"action": "compare", "_selected_action": str(environment.pk)}
    page = admin.post("/admin/environments/environment/", data, follow=True).content.decode()
    assert "lacks Service web" in page
