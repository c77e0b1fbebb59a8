"""Environments that end: warned twice, then deleted by a change of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from environments import expiry, services
from environments.models import Environment
from gitops.models import Cluster, MemoryObject
from gitops.services import propose_directory
from idp.changes import wakeups
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.environments.factories import bring, of, settle
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
END = START + timedelta(days=3)


def warnings() -> int:
    return AuditRecord.objects.filter(action="environment.expires-soon").count()


def test_two_warnings_then_a_deletion_that_leaves_nothing(dana: Actor, people: Characters) -> None:
    with time_machine.travel(START) as clock:
        environment = bring(dana, people.project, expires_at=END)
        expiry.look()
        assert warnings() == 0
        for hours, expected in ((25, 0), (23, 1), (22, 1), (3, 1), (1.9, 2), (1, 2)):
            clock.move_to(END - timedelta(hours=hours))
            expiry.look()
            assert warnings() == expected, hours
        clock.move_to(END + timedelta(minutes=1))
        expiry.look()
        expiry.look()
        change = Change.objects.get(verb="environment.delete")
        assert (change.origin, change.actor_label) == ("expiry", "slipway (expiry)")
        assert "It expired at 2026-11-04 12:00 UTC" in change.message
        change = run_until_settled(change)
        assert change.state == Change.State.SUCCEEDED, change.reason
        assert of(environment.scope).state == Environment.State.DELETED
        assert not MemoryObject.objects.exclude(kind__in=["Node", "Counter"]).exists()
        expiry.look()
        assert Change.objects.filter(verb="environment.delete").count() == 1


def test_the_warning_says_when_and_what(dana: Actor, people: Characters) -> None:
    bring(dana, people.project, expires_at=timezone.now() + timedelta(hours=1))
    expiry.look()
    record = AuditRecord.objects.get(action="environment.expires-soon")
    assert "orders/demo expires at" in record.reason
    assert record.actor_label == "slipway (expiry)"
    expiry.look()
    assert warnings() == 1


def test_what_lists_hear_names_the_place_of_the_environment(
    dana: Actor,
    people: Characters,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(wakeups, "publish", lambda topic, data: heard.append((topic, data)))
    with django_capture_on_commit_callbacks(execute=True):
        environment = bring(
            dana, people.project, expires_at=timezone.now() + timedelta(hours=1)
        )  # its health is told by the sync, its warning by the expiry
        expiry.look()
    told = [data for topic, data in heard if topic == "environments"]
    assert any("health" in data for data in told)
    assert {data["scope"] for data in told} == {environment.scope_id}


def test_an_extension_starts_the_warnings_anew(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project, expires_at=timezone.now() + timedelta(hours=1))
    expiry.look()
    later = timezone.now() + timedelta(days=9)
    settle(dana, services.extend(dana, environment, expires_at=later))
    assert of(environment.scope).warned_at is None
    expiry.look()
    assert warnings() == 1
    Environment.objects.update(expires_at=timezone.now() + timedelta(hours=20))
    expiry.look()
    assert warnings() == 2


def test_a_failed_deletion_is_tried_again_later(dana: Actor, people: Characters) -> None:
    bring(dana, people.project, expires_at=timezone.now() + timedelta(hours=1))
    with time_machine.travel(timezone.now() + timedelta(hours=2)) as clock:
        expiry.look()
        first = Change.objects.get(verb="environment.delete")
        Change.objects.filter(pk=first.pk).update(state="failed", finished_at=timezone.now())
        expiry.look()
        assert Change.objects.filter(verb="environment.delete").count() == 1
        clock.shift(expiry.RETRY + timedelta(seconds=1))
        expiry.look()
        assert Change.objects.filter(verb="environment.delete").count() == 2


def test_what_never_expires_is_left_alone(dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    with time_machine.travel(timezone.now() + timedelta(days=900)):
        expiry.look()
    assert not Change.objects.filter(verb="environment.delete").exists()


VOLUME = """apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""


def with_volume(actor: Actor, environment: Environment) -> Environment:
    change = propose_directory(
        actor,
        environment.application,
        {"manifests/data.yaml": VOLUME.encode()},
        verb="environment.push",
        title="Add a volume",
        origin="push",
    )
    assert settle(actor, change).state == Change.State.SUCCEEDED
    return of(environment.scope)


def test_a_volume_goes_with_an_expired_development_environment(
    dana: Actor, people: Characters
) -> None:
    ends = timezone.now() + timedelta(hours=1)
    environment = with_volume(dana, bring(dana, people.project, expires_at=ends))
    with time_machine.travel(ends + timedelta(minutes=1)):
        expiry.look()
        change = run_until_settled(Change.objects.get(verb="environment.delete"))
    assert change.state == Change.State.SUCCEEDED, change.reason
    assert of(environment.scope).state == Environment.State.DELETED


def test_a_volume_of_a_tier_that_keeps_data_holds_the_expiry_and_people_are_told(
    people: Characters, cluster: Cluster
) -> None:
    keeper = Actor(people.maintainer)
    ends = timezone.now() + timedelta(hours=1)
    environment = with_volume(
        keeper, bring(keeper, people.project, tier="staging", expires_at=ends)
    )
    held = AuditRecord.objects.filter(action="environment.expiry-held")
    with time_machine.travel(ends + timedelta(minutes=1)) as clock:
        for _ in range(3):
            expiry.look()
        assert "volume data would be lost" in held.get().reason
        clock.shift(expiry.REMIND + timedelta(minutes=1))
        expiry.look()
    assert held.count() == 2
    assert not Change.objects.filter(verb="environment.delete").exists()
    assert of(environment.scope).state == Environment.State.ACTIVE
