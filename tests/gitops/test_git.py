"""Ordinary `git` against the real endpoint: uvicorn, `git http-backend`, hooks and the judge."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from gitops import judge, listeners, pushes, repositories
from gitops.models import Application, Push
from gitops.services import propose_branch
from idp.changes.models import Change, Freeze
from idp.common.errors import Invalid
from portal.models import Component
from rbac.actors import Actor
from rbac.models import AuditRecord, User
from tests.gitops.factories import config, deployment, make_application
from tests.gitops.fake import World, world
from tests.gitops.laptop import Git, documents, named, push, token_of, write
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = [pytest.mark.loopback, pytest.mark.django_db(transaction=True)]


def test_a_hand_made_commit_becomes_the_token_owners_change(
    laptop: Path, git: Git, app: Application, people: Characters, cluster: World
) -> None:
    write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=3)))
    said = push(git)
    change = Change.objects.latest("pk")
    assert f"Slipway: change {change.pk} for orders/staging" in said
    assert (change.actor, change.verb, change.origin) == (
        people.developer,
        "environment.push",
        "push",
    )
    assert change.interactive is False
    assert change.token is not None
    assert change.title.endswith("By hand")
    done = run_until_settled(change)
    assert done.state == Change.State.SUCCEEDED, done.reason
    assert cluster.body("Deployment", "web")["spec"]["replicas"] == 3
    app.refresh_from_db()
    assert app.synced_commit == git("rev-parse", "HEAD").stdout.strip()


CATALOG = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: orders-mailer}
spec: {type: worker, lifecycle: production, owner: OWNER}
"""


def test_a_pushed_catalog_file_is_read_and_its_end_is_noticed(
    laptop: Path, git: Git, app: Application, people: Characters
) -> None:
    write(laptop, "catalog-info.yaml", CATALOG.replace("OWNER", people.project.team.name))
    push(git)
    component = Component.objects.get(name="orders-mailer")
    assert (component.project, component.source) == (people.project, "git")
    assert component.source_location == "orders.git:catalog-info.yaml"
    git("rm", "-q", "catalog-info.yaml")
    push(git)
    component.refresh_from_db()
    assert component.removed_at is not None


def test_a_bad_catalog_file_is_refused_in_the_terminal(
    laptop: Path, git: Git, app: Application
) -> None:
    write(laptop, "catalog-info.yaml", CATALOG.replace("orders-mailer", "Orders_Mailer"))
    assert "“Orders_Mailer” is not a name" in push(git, ok=False)
    assert not Component.objects.filter(name__icontains="mailer").exists()


def test_a_push_makes_one_change_however_often_it_is_taken_in(
    laptop: Path, git: Git, app: Application
) -> None:
    before = Change.objects.count()
    write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=3)))
    push(git)
    assert pushes.sweep() == 0
    Push.objects.update(handled_at=None)
    pushes.take_in(app.repository)
    assert Change.objects.count() == before + 1


def test_the_sweeper_makes_the_change_of_a_push_that_nobody_announced(
    laptop: Path, git: Git, app: Application, people: Characters
) -> None:
    hook = repositories.path_of(app.repository) / "hooks" / "post-receive"
    kept = hook.read_text()
    hook.write_text("#!/bin/sh\nexit 0\n")
    before = Change.objects.count()
    write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=4)))
    git("add", "-A")
    git("commit", "-q", "-m", "Unannounced")
    # The endpoint puts its hooks back before a push; this one vanishes right after judging.
    repositories_install = repositories.install
    try:
        repositories.install = lambda *_: None
        git("push", "-q", "origin", "HEAD:main")
    finally:
        repositories.install = repositories_install
        hook.write_text(kept)
    assert Change.objects.count() == before
    assert pushes.sweep() == 1
    assert Change.objects.latest("pk").actor == people.developer


def test_a_push_for_one_environment_leaves_its_siblings_alone(
    laptop: Path, git: Git, app: Application
) -> None:
    make_application(app.repository.project, "dev", "development")
    before = Change.objects.count()
    write(laptop, "environments/dev/fake.yaml", documents(deployment()))
    write(laptop, "docs/owners.yaml", "kind: Component\n")
    push(git)
    made = Change.objects.order_by("pk")[before:]
    assert [str(change.scope) for change in made] == ["orders/dev"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            documents(named("Secret", "s", data={"a": "aGk="})),
            "Secret “s” holds values: they never enter git",
        ),
        (
            documents({**config(), "metadata": {"name": "c", "namespace": "kube-system"}}),
            "is in namespace “kube-system”; this environment's own is",
        ),
        (
            documents(named("Node", "n")),
            "Node “n” (v1) is none of the kinds that an environment may make",
        ),
        ("nothing: here\n", "fake.yaml names no documents. Add documents."),
        (
            documents(named("Secret", "s", stringData={"A": "${secret:gone@1}"})),
            "There is no secret gone@1",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_in_the_terminal(
    laptop: Path, git: Git, app: Application, content: str, said: str
) -> None:
    main, changes = repositories.head(app.repository), Change.objects.count()
    write(laptop, "environments/staging/fake.yaml", content)
    heard = push(git, ok=False)
    assert "Slipway refuses this push:" in heard
    assert said in heard
    assert "environments/staging: " in heard
    assert "Nothing was changed." in heard
    assert repositories.head(app.repository) == main
    assert Change.objects.count() == changes
    assert not Push.objects.exists()
    denied = AuditRecord.objects.get(action="repository.push", outcome="denied")
    assert denied.actor is not None
    assert denied.actor.username == "dana.dev"
    assert said in denied.reason


def test_a_push_without_the_permission_is_refused_and_on_record(
    laptop: Path, git: Git, app: Application, people: Characters
) -> None:
    make_application(people.project, "live", "production")
    people.developer.bindings.all().delete()  # what is left: the team's roles below production
    write(laptop, "environments/live/fake.yaml", documents(deployment()))
    assert "You may not do environment.push at orders/live" in push(git, ok=False)
    denied = AuditRecord.objects.get(action="environment.push", outcome="denied")
    assert denied.actor == people.developer
    assert denied.scope_label == "orders/live"


def test_a_symbolic_link_is_refused(laptop: Path, git: Git) -> None:
    (laptop / "environments/staging/passwords").symlink_to("/etc/passwd")
    assert "environments/staging/passwords is a symbolic link" in push(git, ok=False)


def test_a_symbolic_link_outside_the_environments_is_refused_too(laptop: Path, git: Git) -> None:
    (laptop / "README2").symlink_to("/etc")
    assert "README2 is a symbolic link; a config repository holds plain" in push(git, ok=False)


def test_too_many_files_are_refused(laptop: Path, git: Git) -> None:
    for n in range(201):
        write(laptop, f"environments/staging/f{n}.txt", "x")
    assert "at most 200 files of 256 KB each" in push(git, ok=False)


def test_a_directory_without_its_file_is_refused(laptop: Path, git: Git) -> None:
    write(laptop, "environments/other/readme.txt", "hello")
    heard = push(git, ok=False)
    assert "environments/other: The directory holds none of the files that say what it is" in heard


def test_a_new_directory_names_the_next_step_where_nobody_adopts_it(
    laptop: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "_listeners", [])
    write(laptop, "environments/fresh/fake.yaml", documents(deployment()))
    heard = push(git, ok=False)
    assert "environments/fresh: There is no environment fresh yet." in heard
    assert "Create it in the portal or by the API" in heard


def test_a_new_directory_is_adopted_after_the_push_and_only_tried_before(
    laptop: Path, git: Git, monkeypatch: pytest.MonkeyPatch, people: Characters
) -> None:
    calls: list[int] = []

    def adopt(project: object, name: str, files: object, actor: Actor) -> Application:
        calls.append(Application.objects.count())
        return make_application(people.project, name, "development")

    monkeypatch.setattr(listeners, "_listeners", [listeners.Listener(adopt=adopt)])
    write(laptop, "environments/fresh/fake.yaml", documents(deployment()))
    push(git)
    assert calls == [1, 1], "the judge's rows are rolled back"
    change = Change.objects.latest("pk")
    assert str(change.scope) == "orders/fresh"
    assert run_until_settled(change).state == Change.State.SUCCEEDED


def test_who_may_not_adopt_reads_why(
    laptop: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adopt(*_: object) -> Application:
        raise Invalid("spec.cluster: there is no cluster “mars”.", fix="Known are local.")

    monkeypatch.setattr(listeners, "_listeners", [listeners.Listener(adopt=adopt)])
    write(laptop, "environments/fresh/fake.yaml", documents(deployment()))
    assert "there is no cluster “mars”. Known are local." in push(git, ok=False)


def test_a_freeze_refuses_and_says_until_when(
    laptop: Path, git: Git, app: Application, people: Characters
) -> None:
    Freeze.objects.create(
        scope=app.scope, reason="year's end", author=people.maintainer,
        ends_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=2)))
    heard = push(git, ok=False)
    assert "Freeze: orders/staging is frozen until" in heard
    assert "by mia.maintainer: year's end" in heard
    assert "Push to a branch, and propose it: POST /api/v1/applications/orders/staging/" in heard
    git("push", "-q", "origin", "HEAD:refs/heads/wish")
    client = Client()
    client.force_login(people.developer)
    answer = client.post(
        "/api/v1/applications/orders/staging/propose/",
        {"branch": "wish"},
        content_type="application/json",
    )
    assert answer.status_code == 202, answer.content
    change = Change.objects.get(pk=answer.json()["id"])
    assert (change.verb, change.interactive) == ("environment.push", True)
    planned = run_until_settled(change)
    assert planned.state == Change.State.READY, planned.reason
    for branch, said in (("nothing", "There is no branch"), ("main", "says the same")):
        with pytest.raises(Invalid, match=said):
            propose_branch(Actor(people.developer), app, branch, origin="api")


def test_rewriting_main_is_refused(laptop: Path, git: Git) -> None:
    git("commit", "-q", "--amend", "-m", "Another story")
    heard = git("push", "-q", "-f", "origin", "HEAD:main", ok=False).stderr
    assert "main only moves forward. Fetch, rebase onto origin/main, and push again." in heard
    heard = git("push", "-q", "origin", ":main", ok=False).stderr
    assert "main cannot be deleted" in heard


def test_slipways_own_references_are_hidden_and_closed(laptop: Path, git: Git) -> None:
    assert "refs/slipway" not in git("ls-remote", "origin").stdout
    heard = git("push", "origin", "HEAD:refs/slipway/changes/99", ok=False).stderr
    assert "refs/slipway/changes/99" in heard
    assert "hidden" in heard


def test_deleting_the_directory_deletes_by_a_change(
    laptop: Path, git: Git, cluster: World, app: Application
) -> None:
    git("rm", "-rq", "environments/staging")
    git("commit", "-q", "-m", "Away with it")
    git("push", "-q", "origin", "HEAD:main")
    change = Change.objects.latest("pk")
    assert (change.verb, change.intent["delete"]) == ("environment.delete", True)
    assert run_until_settled(change).state == Change.State.SUCCEEDED
    assert cluster.names() == set()


def test_a_push_of_twenty_megabytes_is_refused_in_words(
    laptop: Path, git: Git, app: Application
) -> None:
    (laptop / "big.bin").write_bytes(os.urandom(20_000_000))
    main = repositories.head(app.repository)
    heard = push(git, ok=False)
    assert "Slipway takes pushes of at most 16 MB; this one is larger." in heard
    assert "Nothing was changed." in heard
    assert repositories.head(app.repository) == main


def test_a_push_of_several_megabytes_arrives(laptop: Path, git: Git, app: Application) -> None:
    (laptop / "picture.bin").write_bytes(os.urandom(6_000_000))
    push(git)
    assert repositories.head(app.repository) == git("rev-parse", "HEAD").stdout.strip()


def test_no_judge_means_no_push(laptop: Path, git: Git, settings: Settings) -> None:
    settings.GIT_JUDGE_SOCKET.unlink()
    write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=2)))
    heard = push(git, ok=False)
    assert "nobody is there to judge this push" in heard
    assert "Try again in a minute" in heard


def _ask(address: str, path: str, **options: object) -> httpx.Response:
    return httpx.get(f"http://{address}{path}", timeout=10, **options)  # type: ignore[arg-type]


UPLOAD, RECEIVE = "info/refs?service=git-upload-pack", "info/refs?service=git-receive-pack"


def test_without_a_token_there_is_a_challenge(address: str, app: Application) -> None:
    answer = _ask(address, f"/git/orders.git/{UPLOAD}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert "an API token as the password" in answer.text
    wrong = {"authorization": "Basic " + base64.b64encode(b"dana:nonsense").decode()}
    assert _ask(address, f"/git/orders.git/{UPLOAD}", headers=wrong).status_code == 401
    broken = {"authorization": "Basic %%%"}
    assert _ask(address, f"/git/orders.git/{UPLOAD}", headers=broken).status_code == 401


def test_who_may_read_and_push(address: str, app: Application, people: Characters) -> None:
    def status(user: User, path: str, project: str = "orders") -> int:
        token = token_of(user)
        return _ask(address, f"/git/{project}.git/{path}", auth=("x", token)).status_code

    assert status(people.viewer, UPLOAD) == 200
    assert status(people.viewer, RECEIVE) == 403
    assert status(people.developer, RECEIVE) == 200
    assert status(people.stranger, UPLOAD) == 404
    assert status(people.stranger, RECEIVE) == 404
    assert status(people.developer, UPLOAD, "nothing") == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/git/orders.git/HEAD", 404),
        ("/git/orders.git/objects/info/packs", 404),
        ("/git/../../etc/passwd", 404),
        ("/git/orders.git/info/refs", 403),
        ("/git/orders.git/info/refs?service=git-upload-archive", 403),
        ("/git/orders.git/git-upload-pack", 405),
    ],
)
def test_only_the_smart_protocol_is_served(
    address: str, app: Application, path: str, status: int
) -> None:
    assert _ask(address, path).status_code == status


def test_a_withdrawn_token_cannot_push(laptop: Path, git: Git, people: Characters) -> None:
    people.developer.tokens.update(revoked_at=timezone.now())
    write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=2)))
    git("add", "-A")
    git("commit", "-q", "-m", "Too late")
    assert git("push", "-q", "origin", "HEAD:main", ok=False).returncode != 0
    assert not Push.objects.exists()


def test_a_question_without_a_ticket_is_refused(address: str, settings: Settings) -> None:
    answer = judge.ask(settings.GIT_JUDGE_SOCKET, {"phase": "pre-receive", "ticket": "forged"})
    assert answer["allowed"] is False
    assert "did not come through Slipway's own address" in "\n".join(answer["lines"])
    assert world("local").calls == []


def test_each_of_several_pushes_is_applied_as_its_own_persons_change(
    laptop: Path, git: Git, app: Application, people: Characters
) -> None:
    for replicas in (2, 3, 4):
        write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=replicas)))
        push(git)
    queued = list(Change.objects.filter(origin="push").order_by("pk"))
    assert len(queued) == 3
    for change, (before, after) in zip(queued, ((1, 2), (2, 3), (3, 4)), strict=True):
        ended = run_until_settled(change)
        assert ended.state == Change.State.SUCCEEDED
        app.refresh_from_db()
        assert app.sync == ("Synced" if after == 4 else "OutOfSync")
        (fields,) = [a["fields"] for a in ended.plan["actions"] if a["kind"] == "Deployment"]
        assert (fields[0]["before"], fields[0]["after"]) == (before, after)


def test_a_commit_that_was_overtaken_is_not_brought_back(
    laptop: Path, git: Git, app: Application, cluster: World
) -> None:
    for replicas in (2, 3):
        write(laptop, "environments/staging/fake.yaml", documents(deployment(replicas=replicas)))
        push(git)
    first, second = Change.objects.filter(origin="push").order_by("pk")
    Change.objects.filter(pk=first.pk).update(state=Change.State.FAILED)  # out of the way
    assert run_until_settled(second).state == Change.State.SUCCEEDED
    Change.objects.filter(pk=first.pk).update(state=Change.State.PLANNING)
    late = run_until_settled(first)
    assert late.state == Change.State.SUCCEEDED
    assert cluster.body("Deployment", "web")["spec"]["replicas"] == 3
