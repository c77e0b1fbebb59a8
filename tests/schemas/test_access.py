"""Who may do what in the registry: by services and on the wire, with what is told to whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.common.errors import Forbidden
from rbac.actors import Actor
from rbac.models import ApiToken, AuditRecord, RoleBinding, User
from rbac.places import root
from rbac.services.tokens import revoke_token
from schemas import selectors, services
from schemas.errors import ProjectUnclear, SubjectNotFound
from schemas.naming import parse
from schemas.parsing import Candidate
from schemas.services.claiming import home_of
from tests.rbac.factories import Characters, bind, make_project
from tests.schemas.wire import Wire, avro, token_of

ONE, TWO = avro(("id", "int")), avro(("id", "int"), ("note", "string", ""))
NAME = parse("orders-value")


@pytest.fixture
def subject(people: Characters) -> None:
    services.register(Actor(people.developer), NAME, Candidate(ONE))


class TestHome:
    def test_the_one_project(self, people: Characters) -> None:
        make_project("billing")
        row = services.register(Actor(people.developer), NAME, Candidate(ONE))
        assert row.subject.project == people.project
        assert row.subject.owner == people.project.team

    def test_of_several_one_is_named(self, people: Characters) -> None:
        make_project("billing")
        wire = Wire(token_of(people.administrator))
        refused = wire.register("a", ONE)
        assert (refused.status, refused.code) == (422, 42212)
        for word in ("billing, orders", "X-Slipway-Project", "?project=NAME", "Basic"):
            assert word in refused.json["message"]
        header = {"x-slipway-project": "billing"}
        body = {"schema": ONE}
        assert wire("POST", "/subjects/a/versions", body, header).status == 200
        assert wire("POST", "/subjects/b/versions?project=orders", body).status == 200
        assert Wire(wire.token, user_name="billing").register("c", ONE).status == 200
        projects = {name: self.project_of(people, name) for name in "abc"}
        assert projects == {"a": "billing", "b": "orders", "c": "billing"}

    @staticmethod
    def project_of(people: Characters, name: str) -> str:
        return selectors.subject(Actor(people.administrator), parse(name)).project.name

    def test_by_a_token_of_one_project(self, people: Characters) -> None:
        billing = make_project("billing")
        wire = Wire(token_of(people.administrator, scope=billing.scope))
        assert wire.register("a", ONE).status == 200
        assert self.project_of(people, "a") == "billing"

    def test_without_a_right_anywhere(self, people: Characters) -> None:
        with pytest.raises(ProjectUnclear, match="may not register"):
            home_of(Actor(people.viewer))

    def test_settings_come_before_the_first_version(self, people: Characters) -> None:
        wire = Wire(token_of(people.maintainer))
        assert wire("PUT", "/config/new", {"compatibility": "NONE"}).status == 200
        assert self.project_of_empty("new") == "orders"

    @staticmethod
    def project_of_empty(name: str) -> str:
        found = selectors.find_subject(parse(name))
        assert found is not None
        return found.project.name


@pytest.mark.usefixtures("subject")
class TestRules:
    def test_whoever_sees_the_project_reads(self, people: Characters) -> None:
        for person in (people.viewer, people.qa, people.deployer, people.auditor):
            wire = Wire(token_of(person))
            assert wire("GET", "/subjects").json == ["orders-value"]
            assert wire("GET", "/schemas/ids/1").status == 200
            path = "/compatibility/subjects/orders-value/versions/latest"
            assert wire("POST", path, {"schema": TWO}).json == {"is_compatible": True}

    def test_what_is_invisible_is_not_there(self, people: Characters) -> None:
        wire = Wire(token_of(people.stranger))
        body = {"schema": ONE}
        assert wire("GET", "/subjects").json == []
        assert wire("GET", "/schemas").json == []
        assert wire("GET", "/schemas/ids/1").code == 40403
        assert wire("GET", "/schemas/ids/1/subjects").code == 40403
        assert wire("GET", "/schemas/ids/1/versions").code == 40403
        for method, path in (
            ("GET", "/subjects/orders-value/versions"),
            ("GET", "/subjects/orders-value/versions/1"),
            ("GET", "/subjects/orders-value/versions/1/schema"),
            ("GET", "/subjects/orders-value/versions/1/referencedby"),
            ("GET", "/subjects/orders-value/metadata"),
            ("POST", "/subjects/orders-value"),
            ("POST", "/subjects/orders-value/versions"),
            ("DELETE", "/subjects/orders-value"),
            ("DELETE", "/subjects/orders-value/versions/1"),
            ("PUT", "/config/orders-value"),
            ("PUT", "/mode/orders-value"),
        ):
            sent = {"mode": "READONLY"} if "mode" in path else body
            said = wire(method, path, None if method == "GET" else sent)
            assert (said.status, said.code) == (404, 40401), f"{method} {path}: {said.body!r}"
        assert wire("GET", "/config/orders-value").json == wire("GET", "/config/no").json | {
            "message": wire("GET", "/config/orders-value").json["message"]
        }

    @pytest.mark.parametrize("person", ["viewer", "qa", "auditor"])
    def test_reading_is_not_writing(self, people: Characters, person: str) -> None:
        wire = Wire(token_of(getattr(people, person)))
        said = wire.register("orders-value", TWO)
        assert (said.status, said.code) == (403, 40301)
        assert "subject.register" in said.json["message"]
        assert wire("DELETE", "/subjects/orders-value").code == 40301
        assert wire("PUT", "/config/orders-value", {"compatibility": "NONE"}).code == 40301
        denied = AuditRecord.objects.filter(outcome="denied", action="subject.register")
        assert denied.count() == 1

    def test_developers_publish_and_maintainers_set(self, people: Characters) -> None:
        developer, maintainer = (
            Wire(token_of(person)) for person in (people.developer, people.maintainer)
        )
        assert developer.register("orders-value", TWO).status == 200
        assert developer("PUT", "/config/orders-value", {"compatibility": "NONE"}).code == 40301
        assert maintainer("PUT", "/config/orders-value", {"compatibility": "NONE"}).status == 200
        assert developer("DELETE", "/subjects/orders-value").status == 200
        assert developer("DELETE", "/subjects/orders-value?permanent=true").code == 40301
        assert maintainer("DELETE", "/subjects/orders-value?permanent=true").json == [1, 2]

    def test_the_registry_is_set_by_administrators(self, people: Characters) -> None:
        maintainer = Wire(token_of(people.maintainer))
        assert maintainer("PUT", "/config", {"compatibility": "NONE"}).code == 40301
        assert maintainer("PUT", "/mode", {"mode": "READONLY"}).code == 40301
        assert maintainer("PUT", "/config/:.x:", {"compatibility": "NONE"}).code == 40301
        assert maintainer("GET", "/config").status == 200

    def test_a_token_carries_no_more_than_it_says(self, people: Characters) -> None:
        wire = Wire(token_of(people.developer, permissions=["subject.view"]))
        assert wire("GET", "/subjects").json == ["orders-value"]
        said = wire.register("orders-value", TWO)
        assert said.code == 40301
        assert "does not carry" in said.json["message"]

    def test_a_name_that_somebody_else_has(self, people: Characters) -> None:
        billing = make_project("billing")
        bind("developer", billing.scope, user=people.stranger)
        wire = Wire(token_of(people.stranger))
        assert wire.register("orders-value", TWO).code == 40401
        assert wire.register("billing-value", TWO).status == 200

    def test_a_reference_needs_sight(self, people: Characters) -> None:
        billing = make_project("billing")
        bind("developer", billing.scope, user=people.stranger)
        wire = Wire(token_of(people.stranger))
        uses = avro(("order", "Order"), name="Bill")
        held = {"name": "Order", "subject": "orders-value", "version": 1}
        assert wire.register("bills", uses, references=[held]).code == 42201
        bind("viewer", people.project.scope, user=people.stranger)
        assert wire.register("bills", uses, references=[held]).status == 200

    def test_writes_are_audited(self, people: Characters) -> None:
        actor = Actor(people.maintainer)
        services.set_settings(actor, NAME, {"level": "NONE"})
        services.delete_subject(actor, NAME)
        rows = AuditRecord.objects.filter(target_type="schemas.subject").order_by("at")
        assert [row.action for row in rows] == [
            "subject.register",
            "subject.configure",
            "subject.delete",
        ]
        assert rows[0].after == {"version": 1, "id": 1, "format": "AVRO"}
        assert rows[1].after == {"level": "NONE"}
        assert all(row.scope_label == "orders" for row in rows)


@pytest.mark.usefixtures("subject")
class TestWhatIsRemembered:
    """Tokens, grants and replies are kept in memory; what ends them counts on the next call."""

    def test_a_revoked_token(self, people: Characters) -> None:
        wire = Wire(token_of(people.viewer))
        assert [wire("GET", "/schemas/ids/1").status for _ in range(3)] == [200] * 3
        token = ApiToken.objects.get(user=people.viewer)
        revoke_token(Actor(people.viewer), token)
        assert wire("GET", "/schemas/ids/1").status == 401

    def test_a_token_past_its_end(self, people: Characters) -> None:
        wire = Wire(token_of(people.viewer))
        assert [wire("GET", "/schemas/ids/1").status for _ in range(3)] == [200] * 3
        with time_machine.travel(timezone.now() + timedelta(days=2)):
            assert wire("GET", "/schemas/ids/1").status == 401

    def test_a_person_who_is_deactivated(self, people: Characters) -> None:
        wire = Wire(token_of(people.viewer))
        assert [wire("GET", "/schemas/ids/1").status for _ in range(3)] == [200] * 3
        User.objects.filter(pk=people.viewer.pk).update(is_active=False)
        assert wire("GET", "/schemas/ids/1").status == 401

    def test_a_role_that_is_taken_away(self, people: Characters) -> None:
        wire = Wire(token_of(people.viewer))
        assert [wire("GET", "/schemas/ids/1").status for _ in range(3)] == [200] * 3
        RoleBinding.objects.get(user=people.viewer).delete()
        assert wire("GET", "/schemas/ids/1").code == 40403
        bind("viewer", people.project.scope, user=people.viewer)
        assert wire("GET", "/schemas/ids/1").status == 200

    def test_a_schema_that_is_gone(self, people: Characters) -> None:
        wire = Wire(token_of(people.maintainer))
        assert [wire("GET", "/schemas/ids/1").status for _ in range(3)] == [200] * 3
        wire("DELETE", "/subjects/orders-value")
        assert wire("GET", "/schemas/ids/1").status == 200
        wire("DELETE", "/subjects/orders-value?permanent=true")
        assert wire("GET", "/schemas/ids/1").code == 40403

    def test_a_wrong_secret_beside_a_known_prefix(self, people: Characters) -> None:
        wire = Wire(token_of(people.viewer))
        assert wire("GET", "/schemas/ids/1").status == 200
        other = wire.token[:-1] + ("A" if wire.token[-1] != "A" else "B")
        assert Wire(other)("GET", "/schemas/ids/1").status == 401


@pytest.mark.usefixtures("subject")
class TestLife:
    def test_described_by_developers(self, people: Characters) -> None:
        actor = Actor(people.developer)
        found = selectors.subject(actor, NAME)
        services.describe_subject(actor, found, docs="Orders.", tags=["pii"], contact="#orders")
        found.refresh_from_db()
        assert (found.docs, found.tags, found.contact) == ("Orders.", ["pii"], "#orders")
        with pytest.raises(Forbidden):
            services.describe_subject(Actor(people.viewer), found, docs="")
        with pytest.raises(SubjectNotFound):
            services.describe_subject(Actor(people.stranger), found, docs="")

    def test_retired_subjects_take_nothing(self, people: Characters) -> None:
        actor = Actor(people.developer)
        found = selectors.subject(actor, NAME)
        services.move_subject(actor, found, "deprecated")
        services.move_subject(actor, found, "sunset", sunset_on=found.created_at.date())
        services.move_subject(actor, found, "retired")
        assert found.sunset_on is not None
        said = Wire(token_of(people.developer)).register("orders-value", TWO)
        assert said.code == 42205
        assert "retired" in said.json["message"]


def test_everything_held_at_the_root_reaches_every_project(people: Characters) -> None:
    bind("developer", root(), user=people.stranger)
    wire = Wire(token_of(people.stranger))
    assert wire.register("a", ONE).status == 200
