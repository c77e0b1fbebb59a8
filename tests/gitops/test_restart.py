"""What a second start of the simulated cloud proposes, by `idp.restart`."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from gitops.models import Application, CloudAccount
from idp import demo, restart
from idp.changes.models import ApprovalRule, Change
from rbac.actors import Actor
from tests.gitops.factories import aws, bring, make_application
from tests.gitops.fake import World
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled


@pytest.fixture
def live(people: Characters, dana: Actor, cloud: World) -> Application:
    """A synced production environment whose account is simulated, with the demo's rules."""
    demo._rules({"orders": people.project.team})
    app = make_application(people.project, "live", "production")
    ApprovalRule.objects.update(active=False)
    bring(dana, app, aws("Bucket", "exports"))
    ApprovalRule.objects.update(active=True)
    CloudAccount.objects.update(simulated=True)
    cloud.objects.clear()  # as a simulated account does when its process ends
    return app


def test_production_is_made_anew_without_a_second_approval(
    live: Application, cloud: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "WAIT_SECONDS", 0)
    told = restart.reconcile_simulated_aws()
    assert "0 of 1 environments" in told
    change = Change.objects.latest("pk")
    assert change.title == "Make the simulated AWS of orders:environments/live anew from git"
    assert run_until_settled(change).state == Change.State.SUCCEEDED
    assert len(cloud.objects) == 1


def test_a_start_takes_up_what_the_last_one_left_open(
    live: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "WAIT_SECONDS", 0)
    restart.reconcile_simulated_aws()
    count = Change.objects.count()
    restart.reconcile_simulated_aws()
    assert Change.objects.count() == count


def test_a_start_does_not_wait_for_people(
    live: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=naps.append)
    monkeypatch.setattr(restart, "time", clock)
    ApprovalRule.objects.update(condition='tier == "production"')
    monkeypatch.setattr(restart, "WAIT_SECONDS", 0)
    restart.reconcile_simulated_aws()
    waiting = run_until_settled(Change.objects.latest("pk"))
    assert waiting.state == Change.State.WAITING
    monkeypatch.setattr(restart, "WAIT_SECONDS", 60)
    assert "waiting" in restart.reconcile_simulated_aws()
    assert naps == []


def test_what_the_last_run_left_midway_is_made_anew_too(
    live: Application, cloud: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "WAIT_SECONDS", 0)
    Application.objects.update(synced_commit="", synced_tree="")  # its first change was going on
    assert "0 of 1 environments" in restart.reconcile_simulated_aws()
    assert run_until_settled(Change.objects.latest("pk")).state == Change.State.SUCCEEDED
    assert len(cloud.objects) == 1


def test_nothing_is_said_to_stand_there_while_the_change_waits(
    live: Application, cloud: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "WAIT_SECONDS", 0)
    ApprovalRule.objects.update(condition='tier == "production"')
    restart.reconcile_simulated_aws()
    change = Change.objects.latest("pk")
    assert run_until_settled(change).state == Change.State.WAITING
    live.refresh_from_db()
    assert (live.sync, live.health) == ("OutOfSync", "Missing")
    assert live.objects_made.get(target="aws").outputs == {}
    ApprovalRule.objects.update(active=False)
    assert run_until_settled(change).state == Change.State.SUCCEEDED
    live.refresh_from_db()
    assert live.sync == "Synced"
    assert live.objects_made.get(target="aws").outputs
