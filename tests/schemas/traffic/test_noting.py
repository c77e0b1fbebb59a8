"""What calls on the wire leave behind: who reads and writes what, from where, and nothing more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from portal.models import Component
from rbac.actors import Actor
from rbac.models import ApiToken, User
from rbac.scopes import environment_scope
from schemas.dependants import checkins, recording
from schemas.dependants.checkins import Word
from schemas.dependants.models import Role
from schemas.models import Schema, Subject
from schemas.traffic import noting, resolving, writing
from schemas.traffic.models import SeenTraffic
from schemas.traffic.noting import Noting
from tests.rbac.factories import Characters, bind, make_project
from tests.schemas.dependants.world import DROPPED, EVOLVED, FULL, NAME
from tests.schemas.factories import register
from tests.schemas.traffic.world import account, rows, token_for, wire_of

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
VERSIONS = f"/subjects/{NAME}/versions"


def guid() -> str:
    return str(Schema.objects.get(number=1).guid)


class TestWhichCalls:
    @pytest.mark.parametrize(
        ("call", "role"),
        [
            (("GET", "/schemas/ids/1", None), "consumer"),
            (("GET", "/schemas/ids/001?fetchMaxId=true", None), "consumer"),
            (("GET", f"/schemas/ids/1?subject={NAME}", None), "consumer"),
            (("GET", f"/contexts/./schemas/ids/1?subject=:.:{NAME}", None), "consumer"),
            (("GET", "/schemas/ids/1/schema", None), "consumer"),
            (("GET", "/schemas/guids/{guid}", None), "consumer"),
            (("GET", f"{VERSIONS}/1", None), "consumer"),
            (("GET", f"/subjects/:.:{NAME}/versions/latest", None), "consumer"),
            (("GET", f"{VERSIONS}/latest/schema", None), "consumer"),
            (("GET", f"/subjects/{NAME}/metadata", None), "consumer"),
            (("POST", f"/subjects/{NAME}", {"schema": FULL}), "producer"),
            (("POST", VERSIONS, {"schema": FULL}), "producer"),
            (("POST", VERSIONS, {"schema": EVOLVED}), "producer"),
        ],
    )
    def test_reading_and_writing_are_seen(
        self, subject: Subject, token: ApiToken, call: tuple[str, str, Any], role: str
    ) -> None:
        method, path, body = call
        assert wire_of(token)(method, path.format(guid=guid()), body).status == 200
        assert rows(subject) == [("orders.reports", role, "")]

    def test_a_guid_in_capitals_is_the_same(self, subject: Subject, token: ApiToken) -> None:
        assert wire_of(token)("GET", f"/schemas/guids/{guid().upper()}").status == 200
        assert len(rows(subject)) == 1

    def test_what_a_client_has_already_is_seen_too(self, subject: Subject, token: ApiToken) -> None:
        wire = wire_of(token)
        etag = wire("GET", "/schemas/ids/1").headers["ETag"]
        noting._noting.buffer.take()
        assert wire("GET", "/schemas/ids/1", headers={"if-none-match": etag}).status == 304
        assert len(rows(subject)) == 1

    @pytest.mark.parametrize(
        "call",
        [
            ("GET", "/subjects", None),
            ("GET", VERSIONS, None),
            ("GET", "/schemas/ids/1/subjects", None),
            ("GET", f"/config/{NAME}?defaultToGlobal=true", None),
            ("POST", f"/compatibility{VERSIONS}/latest", {"schema": EVOLVED}),
            ("GET", "/schemas/ids/77", None),
            ("GET", f"{VERSIONS}/77", None),
            ("GET", "/subjects/nobody/versions/1", None),
            ("POST", "/subjects/nobody", {"schema": FULL}),
            ("POST", VERSIONS, {"schema": DROPPED.replace("id", "ident")}),
            ("POST", VERSIONS, {"schema": "{"}),
        ],
    )
    def test_looking_around_and_being_refused_are_no_use(
        self, subject: Subject, token: ApiToken, noted: Noting, call: tuple[str, str, Any]
    ) -> None:
        wire_of(token)(*call)
        assert noted.buffer.size == 0
        assert rows() == []

    def test_nothing_is_noted_where_it_is_turned_off(
        self, subject: Subject, token: ApiToken, noted: Noting, settings: Settings
    ) -> None:
        settings.SCHEMAS_TRAFFIC_SECONDS = 0
        assert wire_of(token)("GET", "/schemas/ids/1").status == 200
        assert noted.buffer.size == 0

    @pytest.mark.parametrize("server", ["wsgi", "asgi"])
    @pytest.mark.django_db(transaction=True)
    def test_under_both_servers(self, subject: Subject, token: ApiToken, server: str) -> None:
        assert wire_of(token, server=server)("GET", f"{VERSIONS}/1").status == 200
        assert len(rows(subject)) == 1


class TestWhoAndWhere:
    def test_a_service_account_is_its_component(
        self, subject: Subject, token: ApiToken, component: Component
    ) -> None:
        wire_of(token)("GET", f"{VERSIONS}/1")
        assert rows() == [("reports", "consumer", "")]
        assert SeenTraffic.objects.get().component == component

    def test_a_token_called_as_a_component_comes_first(
        self, subject: Subject, people: Characters, program: User, component: Component
    ) -> None:
        project = people.project
        Component.objects.create(name="exporter", project=project, owner=project.team)
        token = token_for(Actor(people.maintainer), program, "exporter")
        wire_of(token)("GET", f"{VERSIONS}/1")
        assert rows() == [("exporter", "consumer", "")]

    def test_a_component_of_another_project_is_somebody_else(
        self, subject: Subject, token: ApiToken, people: Characters
    ) -> None:
        other = make_project("billing")
        Component.objects.create(name="reports", project=other, owner=other.team)
        wire_of(token)("GET", f"{VERSIONS}/1")
        assert rows() == [("orders.reports", "consumer", "")]

    def test_a_token_bound_to_an_environment_runs_there(
        self, subject: Subject, people: Characters, program: User
    ) -> None:
        scope = environment_scope(people.project, "staging", "stage")
        bind("viewer", people.project.scope, user=program)
        token = token_for(Actor(people.maintainer), program, "stage", scope)
        token.scope = people.project.scope  # bound to a project, it runs anywhere
        token.save()
        wire_of(token)("GET", f"{VERSIONS}/1")
        assert rows() == [("orders.reports", "consumer", "")]
        ApiToken.objects.filter(pk=token.pk).update(scope=scope)
        wire_of(token)("GET", f"{VERSIONS}/1")
        assert rows() == [("orders.reports", "consumer", "orders/stage")]

    def test_a_check_in_says_component_and_environment(
        self, subject: Subject, people: Characters, token: ApiToken, program: User
    ) -> None:
        stage = environment_scope(people.project, "staging", "stage")
        speaker = Actor(program, token)
        checkins.check_in(speaker, stage, Word(NAME, "exporter", Role.CONSUMER, 1))
        wire_of(token)("POST", VERSIONS, {"schema": FULL})
        assert rows() == [("exporter", "producer", "orders/stage")]
        dev = environment_scope(people.project, "development", "dev")
        checkins.check_in(speaker, dev, Word(NAME, "exporter", Role.CONSUMER, 1))
        wire_of(token)("POST", VERSIONS, {"schema": FULL})
        assert rows() == [("exporter", "producer", "")]
        checkins.check_in(speaker, dev, Word(NAME, "importer", Role.CONSUMER, 1))
        wire_of(token)("POST", VERSIONS, {"schema": FULL})
        assert rows() == [("orders.reports", "producer", "")]

    def test_a_check_in_past_its_end_says_nothing(
        self, subject: Subject, people: Characters, token: ApiToken, program: User
    ) -> None:
        stage = environment_scope(people.project, "staging", "stage")
        word = Word(NAME, "exporter", Role.CONSUMER, 1, hours=1)
        with time_machine.travel(NOON - timedelta(days=2), tick=False):
            checkins.check_in(Actor(program, token), stage, word)
        wire_of(token)("GET", f"{VERSIONS}/1")
        assert rows() == [("orders.reports", "consumer", "")]

    def test_people_are_no_traffic(
        self, subject: Subject, people: Characters, component: Component
    ) -> None:
        person = token_for(Actor(people.developer), people.developer, "reports")
        wire_of(person)("GET", f"{VERSIONS}/1")
        assert rows() == []

    def test_a_person_may_lend_a_token_to_a_component(
        self, subject: Subject, people: Characters, component: Component
    ) -> None:
        """Bound to the project and called as its component, it says whose it is."""
        dana = people.developer
        lent = token_for(Actor(dana), dana, "reports", people.project.scope)
        wire_of(lent)("GET", f"{VERSIONS}/1")
        assert rows() == [("reports", "consumer", "")]


class TestIdsOfSeveralSubjects:
    def test_each_that_the_token_sees_may_be_meant(
        self, subject: Subject, people: Characters, token: ApiToken
    ) -> None:
        dana = Actor(people.developer)
        mine = register(dana, "again-value", FULL)
        billing = make_project("billing")
        bind("maintainer", billing.scope, user=people.developer)
        register(dana, "secret-value", FULL, project="billing")
        wire_of(token)("GET", "/schemas/ids/1")
        assert rows(mine) == rows(subject) == [("orders.reports", "consumer", "")]
        assert len(rows()) == 2

    def test_the_subject_beside_it_is_the_one_that_is_meant(
        self, subject: Subject, people: Characters, token: ApiToken
    ) -> None:
        other = register(Actor(people.developer), "again-value", FULL)
        wire_of(token)("GET", f"/schemas/ids/1?subject={NAME}")
        assert rows(other) == []
        assert len(rows(subject)) == 1
        wire_of(token)("GET", "/schemas/ids/1?subject=made-up")
        assert len(rows()) == 1

    def test_past_a_few_nobody_can_tell(
        self, subject: Subject, people: Characters, token: ApiToken
    ) -> None:
        for number in range(resolving.MAX_SHARED):
            register(Actor(people.developer), f"copy-{number}", FULL)
        wire_of(token)("GET", "/schemas/ids/1")
        assert rows() == []


class TestWriting:
    def seen(self, token: ApiToken, at: datetime) -> SeenTraffic:
        with time_machine.travel(at, tick=False):
            assert wire_of(token)("GET", f"{VERSIONS}/1").status == 200
            noting.flush()
        return SeenTraffic.objects.get()

    def test_a_use_again_moves_the_last_moment_and_counts_days(
        self, subject: Subject, people: Characters, program: User
    ) -> None:
        with time_machine.travel(NOON - timedelta(hours=13), tick=False):
            token = token_for(Actor(people.maintainer), program, "long")
        ApiToken.objects.update(expires_at=NOON + timedelta(days=300))
        first = self.seen(token, NOON)
        assert (first.first_seen, first.last_seen, first.days) == (NOON, NOON, 1)
        again = self.seen(token, NOON + timedelta(hours=3))
        assert (again.pk, again.days) == (first.pk, 1)
        assert again.last_seen == NOON + timedelta(hours=3)
        later = self.seen(token, NOON + timedelta(hours=13))
        assert (later.first_seen, later.days) == (NOON, 2)

    def test_a_batch_over_midnight_counts_two_days_and_never_goes_back(
        self, subject: Subject, token: ApiToken, noted: Noting
    ) -> None:
        use = noting.Use(Role.CONSUMER, ".", NAME)
        spelled = noting.Use(Role.CONSUMER, ".", f":.:{NAME}")
        night = NOON + timedelta(hours=12)
        writing.write({token.pk: {use: night.timestamp() - 5, spelled: night.timestamp() + 5}})
        assert SeenTraffic.objects.get().last_seen == night + timedelta(seconds=5)
        writing.write({token.pk: {use: NOON.timestamp()}})
        row = SeenTraffic.objects.get()
        assert (row.last_seen, row.days) == (night + timedelta(seconds=5), 1)

    def test_many_uses_are_one_statement(
        self, people: Characters, token: ApiToken, noted: Noting
    ) -> None:
        dana = Actor(people.developer)
        for number in range(12):
            register(dana, f"s{number}", FULL)
        for number in range(12):
            wire_of(token)("GET", f"/subjects/s{number}/versions/1")
            wire_of(token)("POST", f"/subjects/s{number}", {"schema": FULL})
        with CaptureQueriesContext(connection) as asked:
            assert noting.flush() == 24
        written = [one for one in asked if one["sql"].startswith("INSERT")]
        assert len(written) == 1
        assert len(asked) <= 6, [one["sql"][:100] for one in asked]
        assert noting.flush() == 0

    @pytest.mark.parametrize("what", ["subject", "token"])
    def test_what_is_gone_meanwhile_is_left_out(
        self, subject: Subject, token: ApiToken, what: str
    ) -> None:
        wire_of(token)("GET", "/schemas/ids/1")
        wire_of(token)("GET", f"{VERSIONS}/1")
        if what == "subject":
            subject.versions.all().delete()
            subject.delete()
        else:
            token.delete()
        assert rows() == []

    def test_what_the_database_refuses_waits(
        self, subject: Subject, token: ApiToken, noted: Noting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wire_of(token)("GET", f"{VERSIONS}/1")

        def locked(_: object) -> int:
            raise OperationalError("database is locked")

        with monkeypatch.context() as broken:
            broken.setattr(writing, "write", locked)
            assert noting.flush() == 0
        assert noted.buffer.size == 1
        assert noting.flush() == 1

    def test_a_batch_that_never_works_is_given_up(
        self, subject: Subject, token: ApiToken, noted: Noting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wire_of(token)("GET", f"{VERSIONS}/1")
        monkeypatch.setattr(writing, "programs", lambda _: {}["nobody"])
        assert noting.flush() == 0
        assert noted.buffer.size == 0

    def test_it_is_swept_when_it_is_old(self, subject: Subject, token: ApiToken) -> None:
        wire_of(token)("GET", f"{VERSIONS}/1")
        assert len(rows()) == 1
        writing.sweep()
        assert len(rows()) == 1
        with time_machine.travel(datetime.now(UTC) + timedelta(days=31)):
            writing.sweep()
        assert rows() == []

    def test_it_goes_with_its_environment(
        self, subject: Subject, people: Characters, program: User
    ) -> None:
        scope = environment_scope(people.project, "staging", "stage")
        token = token_for(Actor(people.maintainer), program, "stage", scope)
        use = noting.Use(Role.CONSUMER, ".", NAME)
        writing.write({token.pk: {use: NOON.timestamp()}})
        assert rows() == [("orders.reports", "consumer", "orders/stage")]
        recording.forget(scope)
        assert rows() == []


class TestFloods:
    def test_made_up_names_are_never_kept(
        self, subject: Subject, token: ApiToken, noted: Noting
    ) -> None:
        wire = wire_of(token)
        for number in range(50):
            assert wire("GET", f"/subjects/made-up-{number}/versions/1").status == 404
            assert wire("GET", f"/schemas/ids/{number + 1000}").status == 404
        assert noted.buffer.size == 0

    @pytest.mark.parametrize(
        "name", ["a%00b", "%F0%9F%92%A3" * 300, "..%2F..%2Fetc", "%3Cscript%3E", "%27%3B--"]
    )
    def test_hostile_names_leave_nothing(
        self, subject: Subject, token: ApiToken, noted: Noting, name: str
    ) -> None:
        wire_of(token)("GET", f"/subjects/{name}/versions/1")
        wire_of(token)("GET", f"/schemas/ids/1?subject={name}")
        assert noted.buffer.size <= 1
        assert rows() == []

    def test_a_hostile_name_that_exists_is_kept_as_it_is(
        self, people: Characters, token: ApiToken
    ) -> None:
        name = "<b>'; DROP TABLE--/ü%2F"
        made = register(Actor(people.developer), name, FULL)
        path = "/subjects/%3Cb%3E%27%3B%20DROP%20TABLE--%2F%C3%BC%252F/versions/1"
        assert wire_of(token)("GET", path).status == 200
        assert rows(made) == [("orders.reports", "consumer", "")]

    def test_a_long_account_name_is_cut(self, subject: Subject, people: Characters) -> None:
        user = account(people.maintainer, people.project, "p" * 40)
        User.objects.filter(pk=user.pk).update(username=f"orders.{'p' * 120}")
        user.refresh_from_db()
        token = token_for(Actor(people.maintainer), user, "long")
        assert wire_of(token)("GET", f"{VERSIONS}/1").status == 200
        ((holder, _, _),) = rows()
        assert len(holder) == 63
