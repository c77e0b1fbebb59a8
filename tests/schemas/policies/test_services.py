"""Making, changing and removing policies; previews; rows of what fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from idp.common.errors import Clash, Forbidden, Invalid, NotVisible, StaleState
from rbac.actors import Actor
from rbac.models import AuditRecord
from rbac.scopes import environment_scope, root
from schemas import listing
from schemas.models import Subject
from schemas.policies import selectors, services
from schemas.policies.models import PolicyFailure, SchemaPolicy
from schemas.policies.previewing import preview
from schemas.policies.sweeping import sweep
from tests.rbac.factories import Characters, bind, make_project
from tests.schemas.factories import V1, register
from tests.schemas.policies.making import enforce, make

pytestmark = pytest.mark.django_db
DOCS = {"require": ["docs"]}


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def mia(people: Characters) -> Actor:
    """May make policies in orders, and nowhere else."""
    return Actor(people.maintainer)


def test_a_maintainer_makes_policies_for_the_project(mia: Actor, people: Characters) -> None:
    made = services.add_policy(mia, name="docs", scope=people.project.scope, rules=DOCS)
    assert (made.mode, made.revision) == ("warn", 1)
    with pytest.raises((Forbidden, NotVisible)):
        services.add_policy(mia, name="wide", scope=root(), rules=DOCS)
    assert AuditRecord.objects.filter(action="schema-policy.manage", outcome="allowed").count() == 1


def test_a_developer_makes_none(dana: Actor, people: Characters) -> None:
    with pytest.raises(Forbidden):
        services.add_policy(dana, name="docs", scope=people.project.scope, rules=DOCS)
    row = make(people, "docs", scope=people.project.scope, rules=DOCS)
    for verb in (services.change_policy, services.remove_policy):
        with pytest.raises(Forbidden):
            verb(dana, row)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "Docs!"}, "name"),
        ({"mode": "shout"}, "mode"),
        ({"tier": "moon"}, "tier"),
        ({"description": "x" * 2001}, "description"),
        ({"rules": {"require": ["luck"]}}, "rules.require.0"),
    ],
)
def test_wrong_values_are_named(people: Characters, wrong: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(people, **{"name": "docs", "rules": DOCS, **wrong})  # type: ignore[arg-type]
    assert [error.field for error in caught.value.errors] == [field]
    assert SchemaPolicy.objects.count() == 0


def test_a_policy_stands_at_a_project_or_at_everything(people: Characters) -> None:
    scope = environment_scope(people.project, "staging", "stage")
    for wrong in (scope, scope.tier_scope):
        with pytest.raises(Invalid, match="at everything or at a project"):
            make(people, "docs", scope=wrong, rules=DOCS)


def test_a_name_is_taken_once(people: Characters) -> None:
    make(people, "docs", rules=DOCS)
    with pytest.raises(Clash):
        make(people, "docs", rules=DOCS)


def test_of_two_changes_the_second_looks_again(people: Characters) -> None:
    admin = Actor(people.administrator)
    row = make(people, "docs", rules=DOCS)
    other = SchemaPolicy.objects.get(pk=row.pk)
    services.change_policy(admin, row, mode="off")
    assert row.revision == 2
    with pytest.raises(StaleState, match="meanwhile"):
        services.change_policy(admin, other, mode="warn")
    services.change_policy(admin, row, mode="off")
    assert row.revision == 2, "nothing changed"
    services.remove_policy(admin, row)
    records = AuditRecord.objects.filter(action="schema-policy.manage").order_by("at")
    assert [(bool(one.before), bool(one.after)) for one in records] == [
        (False, True),
        (True, True),
        (True, False),
    ]


class TestPreview:
    def test_says_who_would_fail_and_writes_nothing(self, dana: Actor, people: Characters) -> None:
        for name in ("a-value", "b-value", "c-key"):
            register(dana, name, V1)
        Subject.objects.filter(name="a-value").update(docs="Said.")
        draft = services.draft(
            Actor(people.administrator),
            name="docs",
            scope=root(),
            rules={**DOCS, "subject_name": {"pattern": "-value$", "example": "x-value"}},
            mode="enforce",
        )
        found = preview(dana, draft)
        assert found.sentence == "2 of 3 subjects would fail."
        assert found.biting == 2
        assert [(one.subject.name, len(one.failures), one.bites) for one in found.shown] == [
            ("b-value", 1, True),
            ("c-key", 2, True),
        ]
        assert not SchemaPolicy.objects.exists()
        assert not PolicyFailure.objects.exists()

    def test_a_name_that_stays_does_not_bite(self, dana: Actor, people: Characters) -> None:
        register(dana, "orders", V1)
        row = enforce(people, "names", subject_name={"pattern": "-value$", "example": "x-value"})
        found = preview(dana, row)
        assert (found.failing, found.biting) == (1, 0)

    def test_is_of_its_project_and_team_and_of_what_one_sees(
        self, dana: Actor, people: Characters
    ) -> None:
        other = make_project("billing")
        bind("developer", other.scope, user=people.developer)
        register(dana, "a-value", V1)
        register(dana, "b-value", V1, project="billing")
        admin, viewer = Actor(people.administrator), Actor(people.viewer)
        wide = make(people, "wide", rules=DOCS)
        assert preview(admin, wide).subjects == 2
        assert preview(viewer, wide).subjects == 1
        assert preview(admin, make(people, "own", scope=other.scope, rules=DOCS)).subjects == 1
        assert preview(admin, make(people, "team", team=other.team, rules=DOCS)).subjects == 1
        none = make(people, "empty", scope=make_project("empty").scope, rules=DOCS)
        assert preview(admin, none).sentence == "It is about no subject that is there now."

    def test_asks_no_query_for_each_subject(self, dana: Actor, people: Characters) -> None:
        row = make(people, "owned", mode="warn", rules={"require": ["owner", "docs"]})

        def cost() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert preview(dana, row).failing
            return len(captured)

        register(dana, "a-value", V1)
        one = cost()
        for name in ("b-value", "c-value", "d-value"):
            register(dana, name, V1)
        assert cost() == one


class TestRows:
    def test_follow_subjects_and_policies(self, dana: Actor, people: Characters) -> None:
        subject = register(dana, "a-value", V1)
        row = make(people, "docs", mode="warn", rules=DOCS)
        sweep()
        failure = PolicyFailure.objects.get()
        assert "has no docs" in failure.sentence
        assert failure.fix
        sweep()
        assert PolicyFailure.objects.get().since == failure.since
        assert selectors.policies(Actor(people.stranger)).count() == 0
        assert selectors.policy(dana, "docs").failing == 1  # type: ignore[attr-defined]
        assert [
            len(one.failures) for one in selectors.standing(listing.subject(dana, subject.pk))
        ] == [1]
        services.change_policy(Actor(people.administrator), row, mode="off")
        sweep()
        assert not PolicyFailure.objects.exists()

    def test_a_subject_that_is_deleted_fails_nothing(self, dana: Actor, people: Characters) -> None:
        subject = register(dana, "a-value", V1)
        make(people, "docs", mode="warn", rules=DOCS)
        sweep()
        Subject.objects.filter(pk=subject.pk).update(latest=0)
        sweep()
        assert not PolicyFailure.objects.exists()

    def test_stand_as_soon_as_the_policy_is_written(
        self, dana: Actor, people: Characters, django_capture_on_commit_callbacks: Any
    ) -> None:
        register(dana, "a-value", V1)
        with django_capture_on_commit_callbacks(execute=True):
            make(people, "docs", mode="warn", rules=DOCS)
        assert PolicyFailure.objects.count() == 1
