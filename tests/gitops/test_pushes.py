"""What becomes of commits on `main`, however they came there and whatever goes wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.utils import timezone

from gitops import listeners, pushes, repositories
from gitops.hosts.local import MAIN, ZERO
from gitops.models import Application, ConfigRepository, Push
from gitops.services import propose_branch
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.errors import Clash, Forbidden, Invalid, TemporaryBackendError
from rbac.actors import Actor
from rbac.models import AuditRecord, Project, User
from tests.gitops.factories import bring, deployment, make_application, source
from tests.gitops.fake import World
from tests.rbac.factories import Characters, make_project
from tests.support.changes import run_until_settled

State = Change.State
HIDDEN = "There is nothing here, or you may not see it."
LATE = timedelta(minutes=31)


@pytest.fixture
def staging(dana: Actor, app: Application) -> Application:
    bring(dana, app, deployment(replicas=1))
    pushes.take_in(app.repository)
    return app


def commit(
    app: Application, number: int, *directories: str, message: str = "By hand", base: str = ""
) -> str:
    """A commit that no change proposed; `main` does not have it yet."""
    on_disk = repositories.local(app.repository)
    sha = base or on_disk.head()
    for directory in directories or (app.directory,):
        sha = on_disk.propose(
            "refs/heads/hand", base=sha, directory=directory,
            files=source(deployment(replicas=number)),
            author=("Somebody", "x@example.org"), message=message,
        )  # fmt: skip
    return sha


def arrive(app: Application, sha: str) -> None:
    on_disk = repositories.local(app.repository)
    on_disk.update_ref(MAIN, sha, on_disk.head())


def push(actor: Actor, app: Application, sha: str) -> Push:
    """What the judge notes and git then does."""
    pushes.note(actor, app.repository, [(repositories.head(app.repository), sha, MAIN)])
    arrive(app, sha)
    return Push.objects.latest("pk")


def made_since(last: int) -> list[Change]:
    return list(Change.objects.filter(pk__gt=last).order_by("pk"))


def last_change() -> int:
    return Change.objects.latest("pk").pk


@pytest.mark.parametrize("body", ["x" * 5_000, "a\x00b"])
def test_a_commit_with_any_message_becomes_a_change(
    staging: Application, dana: Actor, body: str
) -> None:
    done = push(dana, staging, commit(staging, 3, message=f"Three\n\n{body}"))
    change = pushes.take_in(staging.repository).changes[0]
    assert (change.actor, change.interactive) == (dana.user, False)
    assert change.message in (f"{'x' * 1_999}…", "a\N{REPLACEMENT CHARACTER}b")
    done.refresh_from_db()
    assert done.handled_at is not None
    branch = propose_branch(dana, make_branch(staging, body), "wish", origin="api")
    assert branch.message == change.message


def make_branch(app: Application, body: str) -> Application:
    on_disk = repositories.local(app.repository)
    on_disk.update_ref("refs/heads/wish", commit(app, 4, message=f"Four\n\n{body}"), ZERO)
    return app


def test_what_fails_for_a_moment_is_tried_again_and_holds_nothing_up(
    staging: Application, dana: Actor, people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = make_application(people.project, "dev", "development")
    last = last_change()
    first = push(dana, staging, commit(staging, 3, staging.directory, dev.directory))
    propose = changes.propose
    errors = [TemporaryBackendError("git log took longer than 20 s."), ValueError("database")]

    def sometimes(actor: Actor, **given: object) -> Change:
        if errors and given["scope"] == dev.scope:
            raise errors.pop()
        return propose(actor, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(changes, "propose", sometimes)
    taken = pushes.take_in(staging.repository)
    assert [c.scope for c in taken.changes] == [staging.scope]
    assert "It is tried again." in pushes.announce(taken)[1]
    first.refresh_from_db()
    assert first.handled_at is None
    assert pushes.sweep() == 1, "the one that was made already; main has not moved since"
    assert pushes.sweep() == 2
    assert [(c.scope, c.actor) for c in made_since(last)] == [
        (staging.scope, dana.user),
        (dev.scope, dana.user),
    ]
    first.refresh_from_db()
    assert first.handled_at is not None
    assert pushes.sweep() == 0


def test_what_its_person_may_no_longer_do_waits_for_somebody_who_may(
    staging: Application, dana: Actor, people: Characters, cluster: World
) -> None:
    first = push(dana, staging, commit(staging, 3))
    mate = Actor(people.mate)
    User.objects.filter(pk=people.developer.pk).update(is_active=False)
    taken = pushes.take_in(staging.repository)
    (change,) = taken.changes
    assert pushes.announce(taken)[0].endswith(f"/changes/{change.pk}/ (waits to be confirmed)")
    assert (change.actor, change.actor_label, change.interactive) == (None, "slipway (git)", True)
    assert change.message == f"dana.dev pushed this to main. {HIDDEN}"
    first.refresh_from_db()
    assert first.handled_at is not None
    waiting = run_until_settled(change)
    assert (waiting.state, waiting.verb) == (State.READY, "environment.push")
    assert cluster.body("Deployment", "web")["spec"]["replicas"] == 1
    with pytest.raises(Forbidden):
        changes.confirm(Actor(people.viewer), waiting, waiting.plan_hash)
    changes.confirm(mate, waiting, waiting.plan_hash)
    assert run_until_settled(waiting).state == State.SUCCEEDED
    assert cluster.body("Deployment", "web")["spec"]["replicas"] == 3


def test_what_fails_for_half_an_hour_waits_for_people_too(
    staging: Application, dana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(dana, staging, commit(staging, 3))
    Push.objects.update(at=timezone.now() - LATE)
    propose = changes.propose

    def never(actor: Actor, **given: object) -> Change:
        if actor.user:
            raise TemporaryBackendError("git log took longer than 20 s.")
        return propose(actor, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(changes, "propose", never)
    (change,) = pushes.take_in(staging.repository).changes
    assert change.interactive
    assert "git log took longer than 20 s." in change.message
    assert not Push.objects.filter(handled_at=None).exists()


def test_an_environment_that_cannot_be_made_is_said_and_on_record(
    staging: Application, dana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adopt(*_: object) -> Application:
        raise Invalid("orders has 10.", fix="Delete one.")

    monkeypatch.setattr(listeners, "_listeners", [listeners.Listener(adopt=adopt)])
    sha = commit(staging, 1, "environments/fresh")
    push(dana, staging, sha)
    taken = pushes.take_in(staging.repository)
    said = "environments/fresh is on main, but no environment was made:"
    assert pushes.announce(taken) == [
        f"Slipway: {said} orders has 10. Delete one. Change a file of it and push again."
    ]
    record = AuditRecord.objects.get(action="repository.push", outcome="denied")
    assert (record.actor, record.scope_label) == (dana.user, "orders")
    assert "orders has 10." in record.reason
    assert sha in record.reason
    assert not Push.objects.filter(handled_at=None).exists()


def test_of_two_processes_that_adopt_a_directory_both_go_on(
    staging: Application, dana: Actor, people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adopt(project: Project, name: str, *_: object) -> Application:
        make_application(people.project, name, "development")  # the other one's
        raise Clash("orders has an environment “fresh” already.")

    monkeypatch.setattr(listeners, "_listeners", [listeners.Listener(adopt=adopt)])
    push(dana, staging, commit(staging, 1, "environments/fresh"))
    (change,) = pushes.take_in(staging.repository).changes
    assert (str(change.scope), change.actor) == ("orders/fresh", dana.user)


def test_a_directory_that_went_again_is_not_adopted(
    staging: Application, dana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def adopt(project: Project, name: str, files: Mapping[str, bytes], who: Actor) -> Application:
        calls.append(name)
        raise Invalid("not now")

    monkeypatch.setattr(listeners, "_listeners", [listeners.Listener(adopt=adopt)])
    push(dana, staging, commit(staging, 1, "environments/fresh"))
    on_disk = repositories.local(staging.repository)
    gone = on_disk.propose(
        "refs/heads/hand", base=on_disk.head(), directory="environments/fresh", files=None,
        author=("x", "x@example.org"), message="Away",
    )  # fmt: skip
    push(dana, staging, gone)
    assert pushes.take_in(staging.repository) == pushes.Taken()
    assert calls == []
    assert not Push.objects.filter(handled_at=None).exists()


def test_a_push_that_never_arrived_holds_nothing_up_and_is_forgotten(
    staging: Application, dana: Actor
) -> None:
    head = repositories.head(staging.repository)
    pushes.note(dana, staging.repository, [(head, "1" * 40, MAIN)])
    push(dana, staging, commit(staging, 3))
    (change,) = pushes.take_in(staging.repository).changes
    assert change.actor == dana.user
    assert pushes.sweep() == 0
    assert Push.objects.get(handled_at=None).new == "1" * 40
    Push.objects.filter(handled_at=None).update(at=timezone.now() - LATE)
    pushes.sweep()
    assert not Push.objects.filter(new="1" * 40).exists()


def test_a_push_of_several_commits_is_one_change_however_the_look_at_it_ends(
    staging: Application, dana: Actor
) -> None:
    stale = ConfigRepository.objects.get(pk=staging.repository.pk)
    sha = ""
    for number in (3, 4, 5):
        sha = commit(staging, number, base=sha)
    push(dana, staging, sha)
    last = last_change()
    assert len(pushes.take_in(staging.repository).changes) == 1
    pushes.take_in(stale)  # the sweeper read its row before
    ConfigRepository.objects.update(seen_commit=stale.seen_commit)  # killed before it was moved
    pushes.take_in(stale)
    assert [c.actor for c in made_since(last)] == [dana.user]
    stale.refresh_from_db()
    assert stale.seen_commit == sha


def test_what_was_seen_is_never_unseen_by_a_slower_look(
    staging: Application, dana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive(staging, commit(staging, 3))
    unexplained, last = pushes._unexplained, last_change()

    def slow(*given: object) -> object:
        monkeypatch.setattr(pushes, "_unexplained", unexplained)
        found = unexplained(*given)  # type: ignore[arg-type]
        push(dana, staging, commit(staging, 4))
        pushes.take_in(staging.repository)
        return found

    monkeypatch.setattr(pushes, "_unexplained", slow)
    pushes.take_in(staging.repository)
    head = repositories.head(staging.repository)
    assert ConfigRepository.objects.get().seen_commit == head
    assert len(made_since(last)) == 2


def test_a_commit_that_nobody_pushed_waits_for_somebody_with_the_permission(
    staging: Application, people: Characters, cluster: World
) -> None:
    arrive(staging, commit(staging, 7, message="Repair\n\nSlipway-Change: 1"))
    assert pushes.sweep() == 1
    change = run_until_settled(Change.objects.latest("pk"))
    assert (change.state, change.actor_label) == (State.READY, "slipway (git)")
    assert change.message.startswith("It came to main without a push that Slipway judged.")
    assert cluster.body("Deployment", "web")["spec"]["replicas"] == 1
    with pytest.raises(Forbidden):
        changes.confirm(Actor(people.viewer), change, change.plan_hash)
    changes.confirm(Actor(people.developer), change, change.plan_hash)
    assert run_until_settled(change).state == State.SUCCEEDED
    assert cluster.body("Deployment", "web")["spec"]["replicas"] == 7


def test_a_directory_that_nobody_pushed_makes_no_environment(
    staging: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(
        listeners,
        "_listeners",
        [listeners.Listener(adopt=lambda *given: calls.append(given))],  # type: ignore[arg-type,func-returns-value]
    )
    arrive(staging, commit(staging, 1, "environments/fresh"))
    assert pushes.sweep() == 0
    assert calls == []
    record = AuditRecord.objects.get(action="repository.push", outcome="denied")
    assert record.actor_label == "slipway (git)"
    assert "environments/fresh is on main, but no environment was made" in record.reason
    assert pushes.sweep() == 0
    assert AuditRecord.objects.filter(action="repository.push").count() == 1


def test_a_commit_from_a_far_year_is_taken_in_like_any_other(
    staging: Application, dana: Actor
) -> None:
    near = commit(staging, 3)
    path = str(repositories.path_of(staging.repository))
    git = ["git", f"--git-dir={path}"]
    raw = subprocess.run([*git, "cat-file", "commit", near], capture_output=True, check=True).stdout
    head, _, rest = raw.partition(b"\ncommitter ")
    who = rest.partition(b"> ")[0]
    far = head + b"\ncommitter " + who + b"> 999999999999999 +0000\n\nFar\n"
    sha = subprocess.run(
        [*git, "hash-object", "-t", "commit", "-w", "--stdin"],
        input=far, capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    push(dana, staging, sha)
    assert pushes.sweep() == 1
    assert Change.objects.latest("pk").actor == dana.user
    assert repositories.history(staging.repository)[0].at.year == 9999


def test_one_repository_that_cannot_be_read_hides_no_other(
    staging: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = make_application(make_project("later"))
    arrive(later, commit(later, 3))
    head = repositories.head

    def read(repo: ConfigRepository) -> str:
        if repo.project.name == "orders":
            raise ValueError("year 31690708 is out of range")
        return head(repo)

    monkeypatch.setattr(repositories, "head", read)
    assert pushes.sweep() == 1
