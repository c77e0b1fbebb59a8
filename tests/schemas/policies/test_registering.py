"""What enforced policies do to registering, describing and the steps of life."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.changes.services import grant_waiver
from idp.common.errors import StaleState
from rbac.actors import Actor
from rbac.models import AuditRecord, Team
from schemas import naming, selectors, services
from schemas.configuration import Place
from schemas.errors import PolicyRefused
from schemas.models import Subject
from schemas.policies import services as policies
from schemas.policies.models import PolicyFailure
from tests.rbac.factories import Characters, make_project
from tests.schemas.factories import V1, V2, register
from tests.schemas.policies.making import PII, enforce, make
from tests.schemas.wire import Wire, avro

pytestmark = pytest.mark.django_db
VERSIONS = "/subjects/orders-value/versions"


def tagged(*tags: str) -> str:
    mail = {"name": "mail", "type": "string", **({"confluent:tags": list(tags)} if tags else {})}
    fields = [{"name": "id", "type": "long"}, mail]
    return json.dumps({"type": "record", "name": "Order", "fields": fields})


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


class TestNewSubjects:
    @pytest.mark.parametrize(
        ("rules", "said", "fix"),
        [
            ({"formats": ["PROTOBUF"]}, "orders-value is AVRO", "Write it as PROTOBUF"),
            (
                {"subject_name": {"pattern": r"^[a-z]+\.v1$", "example": "orders.v1"}},
                "does not fit the names",
                "Choose a name like orders.v1",
            ),
        ],
    )
    def test_are_refused_with_policy_and_way_out(
        self, wire: Wire, people: Characters, rules: dict[str, object], said: str, fix: str
    ) -> None:
        enforce(people, **rules)
        found = wire.register("orders-value", V1)
        assert (found.status, found.code) == (422, 42201)
        assert set(found.json) == {"error_code", "message"}
        assert said in found.json["message"]
        assert fix in found.json["message"]
        assert "rules" in found.json["message"]
        assert wire("GET", "/subjects?deleted=true").json == []

    def test_a_subject_that_was_there_goes_on(self, dana: Actor, people: Characters) -> None:
        register(dana, "orders-value", V1)
        enforce(people, formats=["JSON"], subject_name={"pattern": "^x", "example": "x"})
        assert register(dana, "orders-value", V2).latest == 2

    def test_what_is_off_or_warns_lets_in(self, dana: Actor, people: Characters) -> None:
        make(people, "off", mode="off", rules={"formats": ["JSON"]})
        make(people, "warn", mode="warn", rules={"formats": ["JSON"]})
        subject = register(dana, "orders-value", V1)
        rows = PolicyFailure.objects.filter(subject=subject)
        assert [(row.policy.name, row.rule) for row in rows] == [("warn", "formats")]

    def test_another_projects_policy_is_not_asked(self, dana: Actor, people: Characters) -> None:
        other = make_project("billing")
        enforce(people, scope=other.scope, formats=["JSON"])
        make(people, "team", team=other.team, rules={"formats": ["JSON"]})
        assert register(dana, "orders-value", V1).latest == 1

    def test_imports_are_not_judged(self, wire: Wire, people: Characters) -> None:
        enforce(people, formats=["JSON"])
        wire("PUT", "/mode/orders-value", {"mode": "IMPORT"})
        assert wire.register("orders-value", V1, id=7, version=1).status == 200
        assert PolicyFailure.objects.count() == 1


class TestWhatIsSaid:
    def test_the_first_version_becomes_a_draft_until_it_is_said(
        self, dana: Actor, people: Characters
    ) -> None:
        enforce(people, require=["docs", "contact"], required_tags=["tier-1"])
        subject = register(dana, "orders-value", V1, V2)
        assert subject.state == Subject.State.DRAFT
        with pytest.raises(PolicyRefused) as caught:
            services.move_subject(dana, subject, "active")
        assert [error.field for error in caught.value.errors] == ["docs", "contact", "tags"]
        services.describe_subject(dana, subject, docs="Orders.", contact="#o", tags=["Tier-1"])
        services.move_subject(dana, subject, "active")
        assert PolicyFailure.objects.count() == 0

    def test_an_active_subject_that_lacks_it_takes_no_version(
        self, dana: Actor, people: Characters
    ) -> None:
        subject = register(dana, "orders-value", V1)
        assert subject.state == Subject.State.ACTIVE
        enforce(people, require=["docs"])
        with pytest.raises(PolicyRefused, match="has no docs, which policy rules asks for"):
            register(dana, "orders-value", V2)
        services.describe_subject(dana, subject, contact="#orders")
        services.describe_subject(dana, subject, docs="Orders.")
        assert register(dana, "orders-value", V2).latest == 2

    def test_it_cannot_be_taken_back(self, dana: Actor, people: Characters) -> None:
        subject = register(dana, "orders-value", V1)
        services.describe_subject(dana, subject, docs="Orders.", tags=["public"])
        enforce(people, require=["docs"], one_of_tags=["public", "internal"])
        for wrong in ({"docs": " "}, {"tags": []}):
            with pytest.raises(PolicyRefused):
                services.describe_subject(dana, Subject.objects.get(pk=subject.pk), **wrong)
        services.describe_subject(
            dana, Subject.objects.get(pk=subject.pk), docs="More.", tags=["internal"]
        )

    def test_an_owner_is_a_team_with_people(self, dana: Actor, people: Characters) -> None:
        subject = register(dana, "orders-value", V1)
        enforce(people, require=["owner"])
        assert register(dana, "orders-value", V2).latest == 2
        Subject.objects.filter(pk=subject.pk).update(owner=Team.objects.create(name="ghosts"))
        with pytest.raises(PolicyRefused, match="has no owner"):
            register(dana, "orders-value", avro(("id", "long"), ("x", "int", 0)))


class TestDefaultLevel:
    def test_stands_between_the_subjects_own_and_the_contexts(
        self, wire: Wire, people: Characters
    ) -> None:
        wire("PUT", "/config", {"compatibility": "NONE"})
        wire.register("orders-value", V1)
        assert wire.register("orders-value", avro(("other", "int"))).status == 200
        enforce(people, "strict", default_level="FULL")
        found = wire.register("orders-value", avro(("more", "int")))
        assert (found.status, found.code) == (409, 40901)
        asked = wire("GET", "/config/orders-value?defaultToGlobal=true")
        assert asked.json["compatibilityLevel"] == "FULL"
        wire("PUT", "/config/orders-value", {"compatibility": "NONE"})
        assert wire.register("orders-value", avro(("more", "int"))).status == 200

    def test_the_project_comes_before_everything(self, people: Characters, dana: Actor) -> None:
        subject = register(dana, "orders-value", V1)
        enforce(people, "wide", default_level="FULL")
        enforce(people, "own", scope=people.project.scope, default_level="NONE")
        found = selectors.place(dana, naming.parse("orders-value"))
        assert found.policy_level == ("NONE", "own")
        assert found == Place(found.context, subject)


class TestFieldTags:
    def test_a_guarded_tag_goes_with_another_persons_leave(
        self, dana: Actor, people: Characters
    ) -> None:
        enforce(people, "pii", field_tags=[PII])
        subject = register(dana, "orders-value", tagged("PII"), tagged("PII", "MAIL"))
        register(dana, "orders-value", tagged("pii"))  # what nobody guards goes freely
        with pytest.raises(PolicyRefused, match="would lose its tag pii, which policy pii guards"):
            register(dana, "orders-value", tagged())
        subject.refresh_from_db()
        ends = timezone.now() + timedelta(days=1)
        asked = {"path": "Order.mail", "tag": "pii", "reason": "It is a hash.", "ends_at": ends}
        waiver = policies.ask_removal(dana, subject, **asked)
        with pytest.raises(StaleState):
            policies.ask_removal(dana, subject, **asked)
        with pytest.raises(PolicyRefused):
            register(dana, "orders-value", tagged())
        grant_waiver(Actor(people.maintainer), waiver)
        assert register(dana, "orders-value", tagged()).latest == 4
        assert AuditRecord.objects.filter(action="waiver.grant").exists()

    def test_a_field_that_goes_takes_its_tag_along(self, dana: Actor, people: Characters) -> None:
        enforce(people, "pii", field_tags=[PII])
        register(dana, "orders-value", tagged("PII"), avro(("id", "long")))

    def test_a_tag_is_not_lost_by_a_detour(self, wire: Wire, people: Characters) -> None:
        enforce(people, "pii", field_tags=[PII])
        wire("PUT", "/config", {"compatibility": "NONE"})
        for text in (tagged("PII"), avro(("id", "long"))):
            assert wire.register("orders-value", text).status == 200
        assert wire.register("orders-value", tagged()).code == 42201
        wire.register("other-value", tagged("PII"))
        assert wire("DELETE", "/subjects/other-value/versions/1").status == 200
        assert wire.register("other-value", tagged()).code == 42201

    def test_the_metadata_is_guarded_too(self, wire: Wire, people: Characters) -> None:
        enforce(people, "pii", field_tags=[PII])
        marked = {"tags": {"**.mail": ["PII"]}}
        assert wire.register("orders-value", tagged(), metadata=marked).status == 200
        found = wire.register("orders-value", tagged(), metadata={"tags": {}, "properties": {}})
        assert found.status == 422, found.body


class TestCost:
    def test_policies_that_stay_cost_registering_nothing(
        self, wire: Wire, people: Characters
    ) -> None:
        def cost(text: str) -> int:
            with CaptureQueriesContext(connection) as captured:
                assert wire.register("orders-value", text).status == 200
            return len(captured)

        wire.register("orders-value", V1)
        wire("GET", "/schemas/ids/1")
        before = cost(V2)
        enforce(people, scope=make_project("billing").scope, formats=["JSON"])
        texts = [avro(("id", "long"), (f"f{n}", "int", 0)) for n in range(3)]
        first, second, third = (cost(text) for text in texts)
        assert first > before == second == third
