"""Publishers at the same moment, in threads with connections of their own; replies by ASGI."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
from django.db import connection

from rbac.actors import Actor
from schemas import checking, selectors, services
from schemas.errors import Busy, Incompatible
from schemas.models import Context, Schema, SubjectVersion
from schemas.naming import parse
from schemas.parsing import Candidate
from schemas.services import registering
from tests.rbac.factories import Characters, make_characters
from tests.schemas.wire import Wire, avro, token_of

pytestmark = pytest.mark.django_db(transaction=True)
NAME = parse("race")
ONE = avro(("id", "int"))


@pytest.fixture
def people(transactional_db: None) -> Characters:
    return make_characters()


def publish(actor: Actor, name: str, text: str) -> int:
    try:
        return services.register(actor, parse(name), Candidate(text)).number
    finally:
        connection.close()


class TestRacing:
    def test_one_subject(self, people: Characters) -> None:
        actor = Actor(people.developer)
        texts = [avro(("id", "int"), (f"f{number}", "string", "")) for number in range(40)]
        with ThreadPoolExecutor(4) as pool:
            numbers = list(pool.map(lambda text: publish(actor, "race", text), texts))
        assert sorted(numbers) == list(range(1, 41))
        ids = sorted(Schema.objects.values_list("number", flat=True))
        assert ids == list(range(1, 41))
        assert Context.objects.get(name=".").next_id == 41

    def test_one_schema_in_many_subjects(self, people: Characters) -> None:
        actor = Actor(people.developer)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: publish(actor, f"s{n}", ONE), range(20)))
        assert Schema.objects.count() == 1
        assert SubjectVersion.objects.count() == 20

    def test_the_same_schema_at_once_is_one_version(self, people: Characters) -> None:
        actor = Actor(people.developer)
        with ThreadPoolExecutor(4) as pool:
            numbers = set(pool.map(lambda _: publish(actor, "race", ONE), range(12)))
        assert numbers == {1}
        assert SubjectVersion.objects.count() == 1

    def test_the_loser_is_judged_against_the_winner(self, people: Characters) -> None:
        """Between the judgement and the lock somebody publishes what the candidate breaks."""
        actor = Actor(people.developer)
        services.register(actor, NAME, Candidate(ONE))
        winner = avro(("id", "int"), ("amount", "string", ""))
        loser = avro(("id", "int"), ("amount", "double", 0.0))
        judge, raced = checking.check, []

        def late(*args: object, **kwargs: object) -> checking.Report:
            report = judge(*args, **kwargs)  # type: ignore[arg-type]
            if not raced:
                raced.append(True)
                services.register(actor, NAME, Candidate(winner))
            return report

        with mock.patch.object(checking, "check", late), pytest.raises(Incompatible):
            services.register(actor, NAME, Candidate(loser))
        assert selectors.subject(actor, NAME).latest == 2

    def test_whoever_always_loses_is_told(self, people: Characters) -> None:
        actor = Actor(people.developer)
        moved = mock.patch.object(registering, "_insert", side_effect=registering._Moved)
        with moved, pytest.raises(Busy, match="keep publishing"):
            services.register(actor, NAME, Candidate(ONE))


class TestAsgi:
    @pytest.fixture
    def asgi(self, people: Characters) -> Wire:
        return Wire(token_of(people.administrator), "asgi")

    def test_a_life(self, asgi: Wire) -> None:
        assert asgi.register("a%2Fb", ONE).json["id"] == 1
        assert asgi("GET", "/subjects").json == ["a/b"]
        assert asgi("GET", "/subjects/a%2Fb/versions/1/schema").status == 200
        assert asgi("GET", "/schemas/ids/1").headers["Etag"]
        assert asgi("GET", "/associations/resources/x").code == 404
        assert asgi("DELETE", "/subjects/a%2Fb").json == [1]
        assert Wire("", "asgi")("GET", "/subjects").status == 401
