"""`spec.schemas` of `environment.yaml`: what is wrong is named by its field."""

from __future__ import annotations

from typing import Any

import pytest

from environments.rendering.document import parse
from environments.rendering.renderer import judge
from environments.services.creation import Draft, context_of
from gitops.models import Cluster
from idp.common.errors import Invalid
from rbac.actors import Actor
from schemas.dependants.sets import SchemaSet
from tests.environments.factories import IMAGE
from tests.rbac.factories import Characters
from tests.schemas.dependants.world import FULL, NAME
from tests.schemas.factories import register

pytestmark = pytest.mark.django_db


def judged(people: Characters, cluster: Cluster, lists: Any) -> SchemaSet:
    draft = Draft(
        project=people.project,
        name="demo",
        tier="staging",
        cluster=cluster,
        blueprint="web-service@1.0.0",
        parameters={"image": IMAGE},
        workloads={"web": {"component": "orders-api"}},
        schemas=lists,
    )
    return judge(parse(draft.text()), context_of(draft)).schemas


def one(**more: Any) -> dict[str, Any]:
    return {"produces": [{"subject": NAME, "version": 1, **more}]}


@pytest.fixture
def subject(people: Characters) -> None:
    register(Actor(people.developer), NAME, FULL)


@pytest.mark.usefixtures("subject")
class TestDeclaring:
    def test_the_only_workload_is_meant(self, people: Characters, cluster: Cluster) -> None:
        found = judged(people, cluster, one(retentionDays=30))
        (entry,) = found.produces
        assert (entry.workload, entry.component, entry.revision) == ("web", "orders-api", "1.4.2")
        assert entry.retained_days == 30
        assert SchemaSet.from_json(found.to_json()) == found

    @pytest.mark.parametrize(
        ("lists", "field"),
        [
            (
                {"produces": [{"subject": "nobody", "version": 1}]},
                "spec.schemas.produces.0.subject",
            ),
            (one(version=9), "spec.schemas.produces.0.version"),
            (one(version="latest"), "environment.yaml.spec.schemas.produces.0.version"),
            (one(version=0), "environment.yaml.spec.schemas.produces.0.version"),
            (one(version=2**40), "environment.yaml.spec.schemas.produces.0.version"),
            (one(workload="wbe"), "spec.schemas.produces.0.workload"),
            (one(colour="red"), "environment.yaml.spec.schemas.produces.0.colour"),
            (one(subject=":.bad context:x"), "spec.schemas.produces.0.subject"),
            (one(subject="a\nb"), "spec.schemas.produces.0.subject"),
            (one(subject="x" * 401), "environment.yaml.spec.schemas.produces.0.subject"),
            ({"prduces": [{"subject": NAME, "version": 1}]}, "spec.schemas.prduces"),
            ({"consumes": one()["produces"] * 2}, "spec.schemas.consumes.1"),
            ({"consumes": one()["produces"] * 201}, "environment.yaml.spec.schemas.consumes"),
            (
                {"consumes": [{"subject": NAME, "version": 1, "retentionDays": 1}]},
                "environment.yaml.spec.schemas.consumes.0.retentionDays",
            ),
        ],
    )
    def test_what_is_wrong_is_named(
        self, people: Characters, cluster: Cluster, lists: Any, field: str
    ) -> None:
        with pytest.raises(Invalid) as caught:
            judged(people, cluster, lists)
        assert caught.value.errors[0].field == field

    def test_every_unknown_one_at_once(self, people: Characters, cluster: Cluster) -> None:
        lists = {"produces": [{"subject": "a", "version": 1}, {"subject": NAME, "version": 7}]}
        with pytest.raises(Invalid) as caught:
            judged(people, cluster, lists)
        assert [error.message for error in caught.value.errors] == [
            "There is no subject “a”.",
            f"Subject {NAME} has no version 7.",
        ]


def test_an_environment_without_schemas_has_an_empty_set(
    people: Characters, cluster: Cluster
) -> None:
    assert judged(people, cluster, {}).entries == []
