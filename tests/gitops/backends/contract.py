"""What every target promises; each backend's tests run these over objects of its own.

A subclass gives `target`, `document(name)` of a new object, and `edited(document)` that differs in
one field of ours.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from gitops.backends.base import (
    CHANGE_ANNOTATION,
    MANAGED_LABEL,
    OWNER_LABEL,
    ObjectRef,
    Target,
    owner_of,
    ref_of,
)
from idp.common.errors import Conflict, PermanentBackendError

OWNER = "shop-staging-a1b2c3"


class TargetContract:
    """Objects of one kind through their life."""

    def document(self, name: str = "thing") -> dict[str, Any]:
        raise NotImplementedError

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def test_what_is_not_there_is_none(self, target: Target) -> None:
        assert target.get(ref_of(self.document("nothing"))) is None

    def test_apply_creates_marks_and_returns_what_get_shows(self, target: Target) -> None:
        document = self.document()
        made = target.apply(document, owner=OWNER, change="42")
        seen = target.get(made.ref)
        assert seen is not None
        assert made.uid
        assert seen.uid == made.uid
        assert owner_of(seen) == OWNER
        metadata = seen.body["metadata"]
        assert metadata["labels"][MANAGED_LABEL] == "slipway"
        assert metadata["annotations"][CHANGE_ANNOTATION] == "42"

    def test_apply_leaves_the_given_document_alone(self, target: Target) -> None:
        document = self.document()
        before = copy.deepcopy(document)
        target.apply(document, owner=OWNER)
        assert document == before

    def test_apply_again_is_the_same_object(self, target: Target) -> None:
        first = target.apply(self.document(), owner=OWNER, change="1")
        second = target.apply(self.document(), owner=OWNER, change="1")
        assert second.uid == first.uid
        assert second.body["spec"] == first.body["spec"]

    def test_apply_changes_our_fields(self, target: Target) -> None:
        first = target.apply(self.document(), owner=OWNER)
        second = target.apply(self.edited(self.document()), owner=OWNER, uid=first.uid)
        assert second.uid == first.uid
        assert second.body["spec"] != first.body["spec"]

    def test_a_dry_run_shows_the_result_and_changes_nothing(self, target: Target) -> None:
        first = target.apply(self.document(), owner=OWNER)
        planned = target.apply(self.edited(self.document()), owner=OWNER, dry_run=True)
        assert planned.body["spec"] != first.body["spec"]
        live = target.get(first.ref)
        assert live is not None
        assert live.body["spec"] == first.body["spec"]

    def test_a_dry_run_of_something_new_makes_nothing(self, target: Target) -> None:
        document = self.document("unborn")
        planned = target.apply(document, owner=OWNER, dry_run=True)
        assert planned.body["spec"]
        assert target.get(ref_of(document)) is None

    def test_another_owners_object_is_a_conflict_that_names_it(self, target: Target) -> None:
        made = target.apply(self.document(), owner="somebody-else")
        with pytest.raises(Conflict) as caught:
            target.apply(self.document(), owner=OWNER)
        assert made.ref.name in caught.value.message
        assert "belongs to somebody-else" in caught.value.message
        assert "another name" in caught.value.fix

    def test_another_uid_is_a_conflict(self, target: Target) -> None:
        target.apply(self.document(), owner=OWNER)
        with pytest.raises(Conflict, match="made again by someone else"):
            target.apply(self.document(), owner=OWNER, uid="11111111-0000-0000-0000-000000000000")

    def test_delete_removes_and_again_is_fine(self, target: Target) -> None:
        made = target.apply(self.document(), owner=OWNER)
        target.delete(made.ref, owner=OWNER, uid=made.uid)
        assert target.get(made.ref) is None
        target.delete(made.ref, owner=OWNER)

    def test_delete_spares_what_is_not_ours(self, target: Target) -> None:
        made = target.apply(self.document(), owner="somebody-else")
        with pytest.raises(Conflict, match="belongs to somebody-else"):
            target.delete(made.ref, owner=OWNER)
        assert target.get(made.ref) is not None

    def test_delete_of_another_uid_is_a_conflict(self, target: Target) -> None:
        made = target.apply(self.document(), owner=OWNER)
        with pytest.raises(Conflict, match="made again"):
            target.delete(made.ref, owner=OWNER, uid="11111111-0000-0000-0000-000000000000")
        assert target.get(made.ref) is not None

    def test_list_selects_by_label(self, target: Target) -> None:
        mine = target.apply(self.document("mine"), owner=OWNER)
        target.apply(self.document("theirs"), owner="somebody-else")
        found = target.list(mine.ref.api_version, mine.ref.kind, labels={OWNER_LABEL: OWNER})
        assert [live.ref.name for live in found] == [mine.ref.name]

    def test_an_unknown_kind_is_refused_with_the_way_out(self, target: Target) -> None:
        ref = ObjectRef("nowhere.example/v1", "Spaceship", "one")
        with pytest.raises(PermanentBackendError, match="knows no kind Spaceship") as caught:
            target.get(ref)
        assert caught.value.fix

    def test_the_connection_test_says_that_all_is_well(self, target: Target) -> None:
        findings = target.check()
        assert findings
        assert all(finding.ok for finding in findings), findings
        assert all(finding.message for finding in findings)

    def test_contents_of_what_is_not_there_are_empty(self, target: Target) -> None:
        assert target.contents(ref_of(self.document("nothing"))).empty
