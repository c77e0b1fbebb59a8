"""A cluster or an account that is gone for good: the way out, which asks neither."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from gitops import repositories
from gitops.giving_up import give_up
from gitops.models import Application, CloudAccount, Cluster, ManagedObject
from idp.changes.models import Change
from idp.common.errors import (
    Clash,
    Forbidden,
    Invalid,
    PermanentBackendError,
    TemporaryBackendError,
)
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.gitops.factories import aws, bring, deployment, drop
from tests.gitops.fake import World
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

GIVEN = {"confirm": "orders/staging", "message": "The cluster burnt down."}


@pytest.fixture
def gone(app: Application, dana: Actor, cluster: World, cloud: World) -> Application:
    """A synced application whose cluster is silent and whose account is switched off."""
    bring(dana, app, deployment(), aws("Bucket", "exports"))

    def silent(verb: str, ref: object) -> None:
        raise TemporaryBackendError("Cluster local does not answer.")

    cluster.fault = silent
    Cluster.objects.update(active=False)
    CloudAccount.objects.update(active=False)
    app.refresh_from_db()
    return Application.objects.get(pk=app.pk)


def test_the_environment_ends_and_what_stays_behind_is_listed(
    gone: Application, people: Characters, cloud: World
) -> None:
    actor = Actor(people.administrator)
    change = run_until_settled(give_up(actor, gone, **GIVEN, origin="page", interactive=False))
    assert change.state == Change.State.SUCCEEDED, change.reason
    name = f"Bucket {gone.namespace}-exports"
    assert name in change.reason
    assert "Deployment web" in change.reason
    assert {a["note"][:12] for a in change.plan["actions"]} == {"Not removed:"}
    assert "Neither cluster local nor account aws is asked" in change.plan["notes"][0]
    gone.refresh_from_db()
    assert gone.removed_at is not None
    head = repositories.head(gone.repository)
    assert repositories.tree_id(gone.repository, head, gone.directory) == ""
    states = set(gone.objects_made.values_list("state", flat=True))
    assert states == {ManagedObject.State.RETAINED}
    assert cloud.names() == {name.replace(" ", "/")}, "nothing was touched"
    asked = AuditRecord.objects.filter(action="change.propose", actor=people.administrator)
    assert asked.get().after["verb"] == "application.give-up"
    with pytest.raises(Clash, match="was deleted already"):
        give_up(actor, gone, **GIVEN, origin="page")


@pytest.mark.parametrize(
    ("change", "field"), [({"confirm": "staging"}, "confirm"), ({"message": " "}, "message")]
)
def test_it_asks_for_the_name_and_a_reason(
    gone: Application, people: Characters, change: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        give_up(Actor(people.administrator), gone, **{**GIVEN, **change}, origin="api")
    assert [error.field for error in caught.value.errors] == [field]


def test_only_administrators_may(gone: Application, people: Characters) -> None:
    with pytest.raises(Forbidden):
        give_up(Actor(people.maintainer), gone, **GIVEN, origin="api")


def test_by_page_and_by_rest(gone: Application, people: Characters) -> None:
    client = Client()
    client.force_login(people.administrator)
    assert "/give-up/orders/staging/" in client.get("/clusters/local/").content.decode()
    page = client.get("/give-up/orders/staging/")
    assert "Nothing is removed from local or aws." in page.content.decode()
    wrong: Any = client.post("/give-up/orders/staging/", {**GIVEN, "confirm": "staging"})
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Write orders/staging." in wrong.content.decode()
    right = client.post("/give-up/orders/staging/", GIVEN)
    change = Change.objects.latest("pk")
    assert right["Location"] == f"/changes/{change.pk}/plan/"
    path = "/api/v1/applications/orders/staging/give-up/"
    answer = client.post(path, GIVEN, content_type="application/json")
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.content
    developer = Client()
    developer.force_login(people.developer)
    assert developer.get("/give-up/orders/staging/").status_code == HTTPStatus.FORBIDDEN
    assert developer.post(path, GIVEN, content_type="application/json").status_code == 403


def test_a_deletion_that_failed_midway_can_be_given_up(
    app: Application, people: Characters, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment())

    def broken(verb: str, ref: object) -> None:
        if verb == "delete":
            raise PermanentBackendError("Cluster local: its disk is full.")

    cluster.fault = broken
    failed = run_until_settled(drop(dana, app))
    assert failed.state == Change.State.FAILED
    app.refresh_from_db()
    actor = Actor(people.administrator)
    change = run_until_settled(give_up(actor, app, **GIVEN, origin="page", interactive=False))
    assert change.state == Change.State.SUCCEEDED, change.reason
    app.refresh_from_db()
    assert app.removed_at is not None
