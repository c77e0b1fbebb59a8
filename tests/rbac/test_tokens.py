from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from idp.common.errors import Invalid, Refusal
from rbac import grants, tokens
from rbac.access import can, decide, visible
from rbac.actors import Actor
from rbac.models import ApiToken, Project, User
from rbac.services import create_token, deactivate_user, revoke_token
from tests.rbac.factories import Characters, actor


def make(user: User, **fields: object) -> tuple[ApiToken, str]:
    wanted = {
        "user": user,
        "name": "laptop",
        "permissions": [],
        "scope": None,
        "expires_at": timezone.now() + timedelta(days=30),
        **fields,
    }
    return create_token(actor(user), **wanted)


def test_the_text_is_findable_and_only_its_digest_is_kept(people: Characters) -> None:
    token, text = make(people.developer)
    assert text.startswith(f"slp_{token.prefix}_")
    assert token.digest == tokens.digest_of(text.rpartition("_")[2]) or len(token.digest) == 64
    assert text[-20:] not in str(vars(token))


def test_a_token_acts_as_its_owner(people: Characters) -> None:
    token, text = make(people.developer)
    found = tokens.authenticate(text, "192.0.2.1")
    assert found is not None
    assert (found.user, found.token, found.address) == (people.developer, token, "192.0.2.1")
    assert found.label == "dana.dev by token laptop"
    assert can(found, "project.view", people.project)


def test_whatever_is_wrong_with_a_token_gives_nobody(people: Characters) -> None:
    token, text = make(people.developer)
    other = "a" * 43
    for wrong in (
        "",
        "slp_",
        text + "x",
        text[:-1],
        f"slp_{token.prefix}_{other}",
        f"slp_{'b' * 12}_{other}",
    ):
        assert tokens.authenticate(wrong, None) is None
    ApiToken.objects.update(expires_at=timezone.now())
    assert tokens.authenticate(text, None) is None


def test_a_revoked_token_and_a_deactivated_owner_give_nobody(people: Characters) -> None:
    token, text = make(people.developer)
    revoke_token(actor(people.developer), token)
    assert tokens.authenticate(text, None) is None
    _, text = make(people.mate)
    deactivate_user(actor(people.administrator), people.mate)
    assert tokens.authenticate(text, None) is None


def test_authenticating_and_deciding_costs_one_query_for_the_token(
    people: Characters, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, text = make(people.developer)
    first = tokens.authenticate(text, None)
    assert can(first, "project.view", people.project)
    with django_assert_num_queries(1):
        again = tokens.authenticate(text, None)
        assert can(again, "project.view", people.project)


def test_the_last_use_is_noted_at_most_once_a_minute(people: Characters) -> None:
    token, text = make(people.developer)
    tokens.authenticate(text, None)
    token.refresh_from_db()
    first = token.last_used_at
    tokens.authenticate(text, None)
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    tokens.authenticate(text, None)
    token.refresh_from_db()
    assert token.last_used_at >= first


def test_a_token_narrows_by_permission_and_by_scope(people: Characters) -> None:
    _, text = make(people.maintainer, permissions=["project.manage"], scope=people.tier("staging"))
    narrow = tokens.authenticate(text, None)
    assert can(narrow, "project.manage", people.tier("staging"))
    assert can(narrow, "project.view", people.tier("staging"))
    assert not can(narrow, "project.manage", people.project)
    assert not can(narrow, "access.grant", people.tier("staging"))
    assert not visible(narrow, "project.view", Project.objects.all()).exists()
    assert decide(narrow, "access.grant", people.project).reason == (
        "The token laptop does not carry access.grant."
    )
    assert decide(narrow, "project.manage", people.project).reason == (
        "The token laptop does not reach orders."
    )


def test_a_token_never_gives_more_than_its_owner_holds(people: Characters) -> None:
    _, text = make(people.viewer, permissions=["project.manage"])
    assert not can(tokens.authenticate(text, None), "project.manage", people.project)


def test_tokens_end_within_a_year_and_name_known_permissions(people: Characters) -> None:
    with pytest.raises(Invalid, match="A token lives at most one year"):
        make(people.developer, expires_at=timezone.now() + timedelta(days=366))
    with pytest.raises(Invalid, match="The end lies in the past"):
        make(people.developer, expires_at=timezone.now())
    with pytest.raises(Invalid, match="There is no permission rocket"):
        make(people.developer, permissions=["rocket.launch"])


def test_nobody_makes_tokens_of_other_people(people: Characters) -> None:
    with pytest.raises(Refusal, match="people make their own"):
        create_token(
            actor(people.administrator), user=people.developer, name="x", permissions=[],
            scope=None, expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip


def test_standing_is_read_again_when_it_is_old(
    people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream holds its actor for long: a change by another process shows after a while."""
    long_lived = Actor(user=User.objects.get(pk=people.developer.pk))
    assert can(long_lived, "project.view", people.project)
    User.objects.filter(pk=people.developer.pk).update(is_active=False)
    assert can(long_lived, "project.view", people.project)
    monkeypatch.setattr(grants, "FRESH_SECONDS", -1.0)
    assert not can(long_lived, "project.view", people.project)
