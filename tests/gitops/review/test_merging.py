"""A merge goes the way of a push: the same judge, the same changes, once."""

from __future__ import annotations

import pytest

from gitops.models import Application, HostedMergeRequest, Push
from gitops.review import merging, services
from idp.changes.models import Change
from idp.common.errors import Clash, Forbidden, Refusal
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.gitops.factories import bring, deployment
from tests.gitops.laptop import documents
from tests.gitops.review.conftest import Desk

_FILE = "environments/staging/fake.yaml"


def test_a_merge_commit(desk: Desk) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1")
    base = desk.push(desk.dana, "main", b__txt="2")
    request = desk.open()
    done = merging.merge(desk.mate, request, sha=head)
    made = desk.here.commit(desk.main)
    assert made.parents == (base, head)
    assert made.message.startswith("Merge branch 'topic' into 'main'\n\nSell more\n")
    assert made.author == "mate.dev"
    assert done.request.state == "merged"
    assert (done.request.result_sha, done.request.ended_by) == (made.sha, "mate.dev")
    assert Push.objects.get(new=made.sha).actor == desk.people.mate
    assert AuditRecord.objects.filter(action="merge-request.merge").count() == 1


def test_merged_twice_is_merged_once(desk: Desk) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1")
    request = desk.open()
    stale = HostedMergeRequest.objects.get(pk=request.pk)
    merging.merge(desk.dana, request, sha=head)
    main = desk.main
    assert merging.merge(desk.mate, stale, sha=head).request.result_sha == main
    assert desk.main == main


def test_fast_forward(desk: Desk) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1")
    merging.merge(desk.dana, desk.open(), sha=head, method="fast_forward")
    assert desk.main == head
    desk.push(desk.dana, "main", b__txt="2")
    desk.push(desk.dana, "main", b__txt="3")
    other = desk.here.commit(desk.main).parents[0]
    new = desk.commit(other, {"c.txt": b"1"})
    desk.here.update_ref("refs/heads/late", new, "")
    with pytest.raises(Clash, match="cannot be fast-forwarded"):
        merging.merge(desk.dana, desk.open(source="late"), sha=new, method="fast_forward")


def test_the_source_goes_where_that_is_asked(desk: Desk) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1")
    done = merging.merge(desk.dana, desk.open(), sha=head, delete_source=True)
    assert "topic is removed." in done.lines
    assert desk.here.ref("refs/heads/topic") == ""
    assert desk.here.ref("refs/slipway/requests/1") == head


def test_a_head_that_moved_is_looked_at_again(desk: Desk) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1")
    request = desk.open()
    desk.push(desk.mate, "topic", a__txt="2")
    main = desk.main
    with pytest.raises(Clash, match="it moved; look again"):
        merging.merge(desk.dana, request, sha=head)
    assert desk.main == main


def test_conflicts_are_named_by_file(desk: Desk) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1", b__txt="same")
    desk.push(desk.dana, "main", a__txt="2", b__txt="same")
    with pytest.raises(Clash, match=r"does not merge cleanly with main: a\.txt\."):
        merging.merge(desk.dana, desk.open(), sha=head)


def test_closed_ones_and_viewers(desk: Desk) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1")
    request = desk.open()
    with pytest.raises(Forbidden):
        merging.merge(Actor(desk.people.viewer), request, sha=head)
    services.close(desk.dana, request)
    with pytest.raises(Clash, match="is closed"):
        merging.merge(desk.dana, request, sha=head)


def test_a_target_that_moves_meanwhile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    head = desk.push(desk.dana, "topic", a__txt="1")
    request = desk.open()
    admit = merging.arriving.admit

    def late(*given: object) -> list[str]:
        monkeypatch.undo()
        desk.push(desk.lead, "main", z__txt="9")
        return admit(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(merging.arriving, "admit", late)
    with pytest.raises(Clash, match="main moved meanwhile; look again"):
        merging.merge(desk.dana, request, sha=head)
    request.refresh_from_db()
    assert (request.state, request.target_sha) == ("open", desk.main)
    merging.merge(desk.dana, request, sha=head)


def _branch(desk: Desk, text: str) -> str:
    new = desk.commit(desk.main, {_FILE: text.encode()})
    desk.here.update_ref("refs/heads/topic", new, "")
    return new


@pytest.mark.django_db(transaction=True)
class TestIntoMain:
    def test_it_makes_the_change_that_a_push_makes(self, desk: Desk, app: Application) -> None:
        bring(desk.dana, app, deployment(replicas=1))
        head = _branch(desk, documents(deployment(replicas=3)))
        done = merging.merge(desk.dana, desk.open(), sha=head)
        change = Change.objects.latest("pk")
        assert any(f"Slipway: change {change.pk} for orders/staging" in one for one in done.lines)
        assert (change.actor, change.verb, change.origin) == (
            desk.people.developer,
            "environment.push",
            "push",
        )
        assert change.intent["commit"] == desk.main

    def test_it_is_refused_for_what_a_push_is_refused(self, desk: Desk, app: Application) -> None:
        bring(desk.dana, app, deployment(replicas=1))
        head = _branch(desk, documents(deployment(replicas=3)))
        request, main = desk.open(), desk.main
        with pytest.raises(Refusal, match=r"You may not do environment\.push"):
            merging.merge(Actor(desk.people.deployer), request, sha=head)
        request.refresh_from_db()
        assert (request.state, desk.main) == ("open", main)
        assert AuditRecord.objects.filter(action="repository.push", outcome="denied").exists()
