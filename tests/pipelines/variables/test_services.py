"""Variables of a project: who may, what is refused, and where a protected one is seen."""

from __future__ import annotations

from typing import Any

import pytest

from idp.common.errors import Clash, Forbidden, Invalid, NotVisible
from pipelines.variables import selectors, services
from pipelines.variables.models import Variable
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.rbac.factories import Characters, make_characters


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


def make(people: Characters, **fields: Any) -> Variable:
    given = {"name": "TOKEN", "value": "s3cr3t-token", **fields}
    return services.create(Actor(people.maintainer), people.project, **given)


def test_a_value_is_encrypted_and_never_in_the_audit(people: Characters) -> None:
    variable = make(people, masked=True)
    services.update(Actor(people.maintainer), variable.pk, value="another-secret")
    services.delete(Actor(people.maintainer), variable.pk)
    told = list(AuditRecord.objects.filter(action__startswith="variable.").values())
    assert len(told) == 3
    assert not any(word in str(told) for word in ("s3cr3t", "another-secret"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "1A"}, "name"),
        ({"name": "A-B"}, "name"),
        ({"name": ""}, "name"),
        ({"environment": "pro;d"}, "environment"),
        ({"value": "short", "masked": True}, "masked"),
        ({"value": "x" * 100_001}, "value"),
        ({"value": "a\0b"}, "value"),
    ],
)
def test_bad_input_names_the_field(people: Characters, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(people, **fields)
    assert [one.field for one in caught.value.errors] == [field]
    assert not Variable.objects.exists()


def test_one_of_a_name_for_each_environment(people: Characters) -> None:
    make(people)
    make(people, environment="review/*")
    with pytest.raises(Clash):
        make(people)


def test_a_hidden_one_is_masked_and_stays_hidden(people: Characters) -> None:
    variable = make(people, hidden=True)
    assert variable.masked
    with pytest.raises(Invalid):
        services.update(Actor(people.maintainer), variable.pk, hidden=False)


def test_only_who_manages_reads_and_writes(people: Characters) -> None:
    variable = make(people)
    developer, stranger = Actor(people.developer), Actor(people.stranger)
    assert not selectors.variables(developer).exists()
    assert selectors.variables(Actor(people.maintainer)).get() == variable
    with pytest.raises(Forbidden):
        services.create(developer, people.project, name="A", value="b")
    with pytest.raises(Forbidden):
        services.delete(developer, variable.pk)
    with pytest.raises(NotVisible):
        services.delete(stranger, variable.pk)
    with pytest.raises(NotVisible):
        services.create(stranger, people.project, name="A", value="b")
