"""Merge requests in a project's own repository: opened, followed, approved, closed."""

from __future__ import annotations

import pytest

from gitops.models import BranchPush, HostedMergeRequest
from gitops.review import following, selectors, services
from idp.common.errors import Clash, Forbidden, Invalid, NotVisible
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.gitops.review.conftest import Desk


class TestOpen:
    def test_what_merging_would_make_is_known_at_once(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1\n")
        head = desk.push(desk.dana, "topic", b__txt="2\n")
        desk.push(desk.lead, "main", c__txt="3\n")
        request = desk.open()
        assert (str(request), request.state, request.author) == ("orders!1", "open", "dana.dev")
        assert (request.sha, request.target_sha) == (head, desk.main)
        assert desk.here.commit(request.merged_sha).parents == (desk.main, head)
        assert request.unmergeable == ""
        record = AuditRecord.objects.get(action="merge-request.open")
        assert record.after == {"number": 1, "source": "topic", "target": "main"}

    @pytest.mark.parametrize(
        ("source", "target", "field", "said"),
        [
            ("main", "main", "source_branch", "not merged into itself"),
            ("absent", "main", "source_branch", "no branch “absent”"),
            ("topic", "absent", "target_branch", "no branch “absent”"),
            ("topic^0", "main", "source_branch", "no branch “topic^0”"),
            ("--all", "main", "source_branch", "no branch “--all”"),
            ("behind", "main", "source_branch", "behind has no commits that main lacks"),
        ],
    )
    def test_branches_that_cannot_be_merged(
        self, desk: Desk, source: str, target: str, field: str, said: str
    ) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        desk.here.update_ref("refs/heads/behind", desk.main, "")
        with pytest.raises(Invalid, match=said.replace("^", r"\^")) as caught:
            services.open_request(
                desk.dana, desk.project, source_branch=source, target_branch=target, title="T"
            )
        assert caught.value.errors[0].field == field

    def test_one_for_two_branches(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        desk.open()
        with pytest.raises(Clash, match="orders!1 is open already for topic into main"):
            desk.open(desk.mate)

    def test_only_who_may_push(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        with pytest.raises(Forbidden):
            desk.open(Actor(desk.people.viewer))
        with pytest.raises(NotVisible):
            desk.open(Actor(desk.people.stranger))

    def test_a_title_is_needed(self, desk: Desk) -> None:
        with pytest.raises(Invalid, match="A title is missing"):
            services.open_request(desk.dana, desk.project, source_branch="topic", title=" ")


class TestFollow:
    def test_a_new_branch_is_told_where_to_open_one(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        address = "http://localhost:8000/repositories/orders/merge-requests/new/?source=topic"
        assert f"Slipway: open a merge request for topic: {address}" in desk.said
        desk.open()
        desk.push(desk.dana, "topic", a__txt="2")
        address = "http://localhost:8000/repositories/orders/merge-requests/1/"
        assert f"Slipway: merge request orders!1: {address}" in desk.said

    def test_main_is_told_nothing(self, desk: Desk) -> None:
        desk.push(desk.dana, "main", a__txt="1")
        assert desk.said == []

    def test_a_push_moves_the_head(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        head = desk.push(desk.mate, "topic", a__txt="2")
        request.refresh_from_db()
        assert (request.sha, request.told_sha, request.merged_sha) == (head, head, head)

    def test_the_sweeper_follows_what_moved_silently(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        new = desk.commit(desk.main, {"a.txt": b"other"})
        desk.here.update_ref("refs/heads/main", new, desk.main)
        following.sweep()
        request.refresh_from_db()
        assert request.target_sha == new
        assert request.unmergeable == "it does not merge cleanly with main"
        assert selectors.look(request).conflicts == ("a.txt",)

    def test_what_came_to_the_target_otherwise_is_merged(self, desk: Desk) -> None:
        head = desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        desk.here.update_ref("refs/heads/main", head, desk.main)
        following.sweep()
        request.refresh_from_db()
        assert (request.state, request.result_sha) == ("merged", head)
        assert selectors.look(request).commit_count == 1

    def test_a_source_that_is_gone(self, desk: Desk) -> None:
        head = desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        desk.here.remove_ref("refs/heads/topic", head)
        following.sweep()
        request.refresh_from_db()
        assert (request.state, request.unmergeable) == ("open", "there is no branch topic")
        assert request.sha == head


class TestApprove:
    def test_somebody_else_and_only_this_head(self, desk: Desk) -> None:
        head = desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        services.approve(desk.lead, request, sha=head)
        services.approve(desk.lead, request, sha=head)
        assert [one.person.username for one in selectors.approvals(request)] == ["mia.maintainer"]
        desk.push(desk.dana, "topic", a__txt="2")
        request.refresh_from_db()
        assert list(selectors.approvals(request)) == []
        with pytest.raises(Clash, match="it moved; look again"):
            services.approve(desk.lead, request, sha=head)

    def test_neither_author_nor_pusher(self, desk: Desk) -> None:
        desk.push(desk.mate, "topic", a__txt="1")
        head = desk.push(desk.lead, "topic", a__txt="2")
        request = desk.open()
        with pytest.raises(Clash, match="You opened it"):
            services.approve(desk.dana, request, sha=head)
        for who in (desk.mate, desk.lead):
            with pytest.raises(Clash, match="Commits of it are yours"):
                services.approve(who, request, sha=head)

    def test_commits_pushed_elsewhere_first_count_too(self, desk: Desk) -> None:
        head = desk.push(desk.lead, "elsewhere", a__txt="1")
        desk.here.update_ref("refs/heads/topic", head, "")
        request = desk.open()
        with pytest.raises(Clash, match="Commits of it are yours"):
            services.approve(desk.lead, request, sha=head)
        assert BranchPush.objects.get().actor == desk.people.maintainer

    def test_it_is_taken_back(self, desk: Desk) -> None:
        head = desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        services.approve(desk.mate, request, sha=head)
        services.withdraw(desk.mate, request)
        assert not request.approvals.exists()


class TestTalk:
    def test_whoever_reads_may_comment(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        services.comment(Actor(desk.people.viewer), request, " <b>No.</b> ")
        assert [one.body for one in selectors.comments(request)] == ["<b>No.</b>"]
        with pytest.raises(NotVisible):
            services.comment(Actor(desk.people.stranger), request, "Hello")
        with pytest.raises(Invalid, match="at most 10000"):
            services.comment(desk.dana, request, "x" * 10_001)


class TestClose:
    def test_closed_and_opened_again(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        services.close(desk.mate, request)
        services.close(desk.mate, request)
        assert (request.state, request.ended_by) == ("closed", "mate.dev")
        head = desk.push(desk.dana, "topic", a__txt="2")
        services.reopen(desk.dana, request)
        assert (request.state, request.sha, request.ended_by) == ("open", head, "")

    def test_not_beside_another_one(self, desk: Desk) -> None:
        desk.push(desk.dana, "topic", a__txt="1")
        request = desk.open()
        services.close(desk.dana, request)
        desk.open()
        with pytest.raises(Clash, match="Another merge request of topic into main is open"):
            services.reopen(desk.dana, request)
        assert HostedMergeRequest.objects.filter(state="open").count() == 1


class TestLook:
    def test_files_with_their_lines(self, desk: Desk) -> None:
        desk.push(desk.dana, "main", a__txt="1\n2\n", old__txt="x\n")
        desk.push(desk.dana, "topic", a__txt="1\n3\n", b__bin="\0\1", old__txt=None)
        look = selectors.look(desk.open())
        changed = {one.path: one for one in look.changed.files}
        assert [(line.kind, line.text) for line in changed["a.txt"].lines] == [
            ("hunk", "@@ -1,2 +1,2 @@"),
            ("same", " 1"),
            ("del", "-2"),
            ("add", "+3"),
        ]
        assert changed["b.bin"].note == "It is binary."
        assert (changed["old.txt"].verb, changed["old.txt"].removed) == ("removed", 1)
        assert (look.commit_count, look.fast_forward) == (1, True)

    def test_bounds(self, desk: Desk) -> None:
        files: dict[str, str | None] = {f"f{at:03}__txt": "x\n" for at in range(110)}
        desk.push(desk.dana, "topic", big__txt="y" * 300_000, long__txt="l\n" * 4000, **files)
        changed = selectors.look(desk.open()).changed
        notes = {one.path: one.note for one in changed.files}
        assert changed.count == 112
        assert notes["big.txt"] == "It has more than 256 KB."
        assert notes["long.txt"].startswith("There is too much")
        assert sum(len(one.lines) for one in changed.files) <= 3000
        assert notes["f000.txt"] == ""

    def test_names_that_look_like_options_or_patterns(self, desk: Desk) -> None:
        new = desk.commit(desk.main, {"*.txt": b"1\n", ":(top)x": b"2\n", "-r": b"3\n"})
        desk.here.update_ref("refs/heads/topic", new, "")
        changed = selectors.look(desk.open()).changed
        assert {one.path: one.added for one in changed.files} == {"*.txt": 1, ":(top)x": 1, "-r": 1}
