"""The compare page names who uses the subject, and what the candidate would do to each."""

from __future__ import annotations

import pytest

from tests.schemas.dependants.world import DROPPED, EVOLVED, FULL, NAME, Tier
from tests.schemas.factories import register
from tests.schemas.pages import posted, signed_in

pytestmark = pytest.mark.django_db
VERDICT = "/schemas/compare/verdict/"


def judged(recorded: Tier, text: str, name: str = NAME) -> str:
    assert recorded.dana.user is not None
    given = {"subject": name, "format": "AVRO", "candidate": text, "references": ""}
    return posted(signed_in(recorded.dana.user), VERDICT, 200, **given)


def test_a_dropped_field_names_both_readers_their_places_and_teams(recorded: Tier) -> None:
    page = judged(recorded, DROPPED)
    assert "It would break 2 of 3 who use orders-value." in page
    for name in ("billing", "shipping"):
        assert f"{name}-api" in page
        assert f"{name}/stage" in page
    assert page.count(">Breaks<") == 2
    assert "amount" in page
    assert "stays closed until" in page, "the subject's level alone would let it pass"


def test_a_field_with_a_default_breaks_nobody(recorded: Tier) -> None:
    page = judged(recorded, EVOLVED)
    assert "It breaks nobody who is known to use orders-value." in page
    assert ">Breaks<" not in page


def test_a_subject_without_users_says_how_they_become_known(recorded: Tier) -> None:
    register(recorded.dana, "lonely-value", FULL)
    page = judged(recorded, EVOLVED, "lonely-value")
    assert "Nobody is known to use lonely-value." in page
    assert "check-in" in page


def test_a_new_subject_has_nobody_to_hurt(recorded: Tier) -> None:
    page = judged(recorded, FULL, "new-value")
    assert "It would begin a new subject" in page
    assert "Who is there" not in page
