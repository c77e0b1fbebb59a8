"""After a change that failed midway: git is ahead of what runs, and people can go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from environments import expiry, services
from environments.models import Environment
from environments.views.detail import actions
from gitops.models import Application, MemoryObject
from gitops.sync import steps
from idp.changes.models import Change
from idp.common.errors import Clash, Denied
from rbac.actors import Actor
from tests.environments.factories import bring, of, settle
from tests.environments.test_services import live_replicas
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db


def failing(actor: Actor, change: Change) -> Change:
    """Confirmed while all is well; the cluster refuses once `main` has moved."""
    planned = run_until_settled(change)
    assert planned.state == Change.State.READY
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(steps.Work, "apply", _refused)
        ended = settle(actor, planned)
    assert ended.state == Change.State.FAILED
    return ended


def _refused(*_: object) -> None:
    raise Denied("The account does not allow it.")


def labels(actor: Actor, environment: Environment) -> set[str]:
    return {found["label"] for found in actions(actor, environment)}


def test_a_stop_that_failed_midway_can_be_asked_for_again(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    assert {"Stop…"} == labels(dana, environment) & {"Stop…", "Start…"}
    failing(dana, services.stop(dana, environment))
    environment = of(environment.scope)
    assert live_replicas(environment) == 1, "it still runs"
    assert {"Stop…", "Start…", "Sync with git…"} <= labels(dana, environment)
    again = settle(dana, services.stop(dana, environment))
    assert again.state == Change.State.SUCCEEDED
    assert of(environment.scope).state == Environment.State.STOPPED
    assert live_replicas(environment) == 0


def test_or_taken_back(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    failing(dana, services.stop(dana, environment))
    environment = of(environment.scope)
    assert settle(dana, services.start(dana, environment)).state == Change.State.SUCCEEDED
    environment = of(environment.scope)
    assert environment.state == Environment.State.ACTIVE
    assert environment.application.sync == Application.Sync.SYNCED
    with pytest.raises(Clash, match="is not stopped"):
        services.start(dana, environment)


def test_sync_brings_what_git_says(dana: Actor, people: Characters, client: Client) -> None:
    environment = bring(dana, people.project)
    failing(dana, services.scale(dana, environment, replicas=3))
    client.force_login(people.developer)
    page = client.get("/environments/orders/demo/").content.decode()
    assert "Git says more than what runs." in page
    change = services.sync(dana, of(environment.scope))
    assert settle(dana, change).state == Change.State.SUCCEEDED
    assert live_replicas(environment) == 3
    page = client.get("/environments/orders/demo/").content.decode()
    assert "Git says more than what runs." not in page


def test_sync_repairs_what_somebody_removed(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    MemoryObject.objects.filter(kind="Deployment").delete()
    change = settle(dana, services.sync(dana, environment))
    assert change.state == Change.State.SUCCEEDED
    verbs = {action["kind"]: action["verb"] for action in change.plan["actions"]}
    assert verbs["Deployment"] == "create"
    assert live_replicas(environment) == 1
    nothing = settle(dana, services.sync(dana, of(environment.scope)))
    assert nothing.state == Change.State.SUCCEEDED
    assert {action["verb"] for action in nothing.plan["actions"]} == {"unchanged"}


def test_expiry_believes_an_extension_that_failed_midway(
    dana: Actor, people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    environment = bring(dana, people.project, expires_at=now + timedelta(hours=1))
    later = now + timedelta(days=5)
    with monkeypatch.context() as broken:
        broken.setattr(steps.Work, "record", _refused)
        ended = settle(dana, services.extend(dana, environment, expires_at=later))
    assert ended.state == Change.State.FAILED
    assert of(environment.scope).expires_at == environment.expires_at, "the row keeps the old end"
    Environment.objects.filter(pk=environment.pk).update(expires_at=now - timedelta(minutes=1))
    expiry.look()
    assert not Change.objects.filter(verb="environment.delete").exists()
    synced = settle(dana, services.sync(dana, of(environment.scope)))
    assert synced.state == Change.State.SUCCEEDED
    assert of(environment.scope).expires_at == later.replace(microsecond=0)
