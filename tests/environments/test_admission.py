"""Who is let in: limits under concurrency, and blueprints that take no new environments."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments import services
from environments.models import Blueprint, Environment, Limit
from gitops import repositories
from gitops.hosts.local import LocalRepository
from idp.changes.models import Change
from idp.common.errors import Invalid, Refusal
from rbac.actors import Actor
from tests.environments.factories import bring, create, of, settle
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db


def one_only(people: Characters) -> None:
    Limit.objects.create(name="one", scope=people.scope, max_environments=1)


def test_the_last_place_is_counted_again_under_its_lock(
    dana: Actor, people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_only(people)
    ensure = repositories.ensure

    def overtaken(project: Any) -> Any:
        """Somebody else comes between the first look and the row."""
        monkeypatch.setattr(repositories, "ensure", ensure)
        create(dana, people.project, name="first")
        return ensure(project)

    monkeypatch.setattr(repositories, "ensure", overtaken)
    with pytest.raises(Refusal, match="there are 1 already"):
        create(dana, people.project, name="second")
    assert [e.name for e in Environment.objects.all()] == ["first"]


def test_limits_of_number_are_held_before_the_row_is_written(
    dana: Actor, people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_only(people)
    monkeypatch.setattr(connection.features, "has_select_for_update", True)
    monkeypatch.setattr(type(connection.ops), "for_update_sql", lambda *_, **__: "/* held */")
    with CaptureQueriesContext(
        connection,
    ) as captured:
        create(dana, people.project)
    said = [query["sql"] for query in captured]
    held = next(i for i, sql in enumerate(said) if "limit" in sql and "/* held */" in sql)
    made = next(i for i, sql in enumerate(said) if sql.startswith('INSERT INTO "environments_env'))
    assert held < made


@pytest.mark.django_db(transaction=True)
def test_git_is_not_asked_while_the_rows_are_written(
    dana: Actor, people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = LocalRepository._run

    def watched(self: Any, *args: Any, **more: Any) -> Any:
        assert not connection.in_atomic_block, args
        return run(self, *args, **more)

    repositories.ensure(people.project)
    monkeypatch.setattr(LocalRepository, "_run", watched)
    assert create(dana, people.project).pk


def test_a_blueprint_that_is_switched_off_makes_none_and_keeps_what_there_is(
    dana: Actor, people: Characters
) -> None:
    environment = bring(dana, people.project)
    Blueprint.objects.filter(name="web-service").update(active=False)
    with pytest.raises(Invalid, match="web-service takes no new environments") as caught:
        create(dana, people.project, name="another")
    assert caught.value.errors[0].field == "blueprint"
    change = settle(dana, services.scale(dana, of(environment.scope), replicas=2))
    assert change.state == Change.State.SUCCEEDED
