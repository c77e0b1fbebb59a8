"""Pushes that no `git push` would make: nothing reaches `main` unjudged."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from gitops import githttp, judge, listeners, pushes, repositories, tickets
from gitops.hosts.local import ZERO
from gitops.models import Application, Push
from idp.changes.models import Change, Freeze
from rbac.actors import Actor
from rbac.models import Project
from tests.gitops.factories import deployment, make_application
from tests.gitops.laptop import Git, documents, named, push, push_by_hand, write
from tests.rbac.factories import Characters

pytestmark = [pytest.mark.loopback, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("count", "length"), [(4, 62_000), (60, 10)])
def test_main_does_not_hide_behind_other_references(
    laptop: Path, git: Git, app: Application, count: int, length: int
) -> None:
    main = repositories.head(app.repository)
    write(laptop, "environments/staging/fake.yaml", documents(named("Node", "n")))
    git("add", "-A")
    git("commit", "-q", "-m", "Unjudged")
    mine = git("rev-parse", "HEAD").stdout.strip()
    hiding = [(ZERO, main, f"refs/heads/{n}{'x' * length}") for n in range(count)]
    said = push_by_hand(git, [*hiding, (main, mine, "refs/heads/main")])
    assert "more references, or ones with longer names, than Slipway judges at once" in said
    assert repositories.head(app.repository) == main
    assert "Node “n” (v1) is none of the kinds" in push_by_hand(
        git, [(main, mine, "refs/heads/main")]
    )
    assert repositories.head(app.repository) == main


@pytest.mark.parametrize(
    ("updates", "count", "said"),
    [
        ([[ZERO, ZERO, "refs/heads/a"]], 2, "did not arrive whole"),
        ([[ZERO, ZERO]], 1, "did not arrive whole"),
        ([[ZERO, ZERO, "refs/heads/a"]] * 51, 51, "It moves 51 references; 50 at most."),
    ],
)
def test_a_list_of_references_that_is_not_whole_is_refused(  # noqa: PLR0917 - fixtures
    address: str, app: Application, dana: Actor, settings: Settings,
    updates: list[list[str]], count: int, said: str,
) -> None:  # fmt: skip
    question = {
        "phase": "pre-receive", "ticket": tickets.issue("orders", dana),
        "updates": updates, "count": count,
    }  # fmt: skip
    answer = judge.ask(settings.GIT_JUDGE_SOCKET, question)
    assert answer["allowed"] is False
    assert said in "\n".join(answer["lines"])
    assert not Push.objects.exists()


def test_a_push_that_cannot_be_taken_in_at_once_is_not_called_refused(
    laptop: Path, git: Git, people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("the database is gone")

    write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=3)))
    with monkeypatch.context() as patch:
        patch.setattr(pushes, "take_in", broken)
        said = push(git)
    assert "Slipway: main has moved; its changes follow in a moment." in said
    assert "refuses" not in said
    assert pushes.sweep() == 1
    assert Change.objects.latest("pk").actor == people.developer


@pytest.mark.parametrize(
    ("path", "way_in"),
    [
        ("staging", "POST /api/v1/applications/orders/staging/propose/"),
        ("fresh", "environments/fresh: Freeze: "),
        ("fresh", "Create it in the portal or by POST /api/v1/environments/; its change waits"),
        ("", "Delete it in the portal or by DELETE /api/v1/environments/orders/staging/; its"),
    ],
)
def test_what_a_gate_holds_up_is_told_a_way_in_that_exists(  # noqa: PLR0917 - fixtures
    laptop: Path, git: Git, people: Characters, monkeypatch: pytest.MonkeyPatch,
    path: str, way_in: str,
) -> None:  # fmt: skip
    def adopt(project: Project, name: str, *_: object) -> Application:
        return make_application(project, name, "development")

    monkeypatch.setattr(listeners, "_listeners", [listeners.Listener(adopt=adopt)])
    Freeze.objects.create(
        scope=people.project.scope, reason="year's end", author=people.maintainer,
        ends_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    if path:
        write(laptop, f"environments/{path}/fake.yaml", documents(deployment(replicas=5)))
    else:
        git("rm", "-rq", "environments/staging")
    said = " ".join(push(git, ok=False).replace("remote:", "").split())
    assert way_in in said
    ways = ("propose/", "by POST /api/v1/environments/", "by DELETE /api/v1/environments/")
    assert sum(way in said for way in ways) == 1


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("version=2", "version=2"),
        ("version=2:agent=git", "version=2:agent=git"),
        ("version=2" + ":a" * 11, ""),
        ("version=2:" + "a" * 41, ""),
        ("version=2\nx", ""),
    ],
)
def test_the_protocols_version_is_handed_on_within_bounds(sent: str, told: str) -> None:
    call = githttp.Call(Path("orders.git"), "info/refs", "ticket", "dana")
    scope = {"method": "GET", "headers": [(b"git-protocol", sent.encode())]}
    assert githttp._variables(call, scope)["GIT_PROTOCOL"] == told
