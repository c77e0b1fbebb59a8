"""Each address has a rule, and keeps it: not visible is 404, not allowed is 403 with the reason.

The walk goes over the URL resolver, as every standing character, with one of everything seeded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from idp.rest import routes
from rbac import permissions
from rbac.access import Decision, decide, held_anywhere
from rbac.actors import Actor
from tests.support.world import Sample, World, make_world

# Routes that are walked by tests of their own.
ELSEWHERE = ("admin/",)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SAFE = frozenset({"GET"})
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
CHARACTERS = (
    "developer",
    "maintainer",
    "deployer",
    "qa",
    "viewer",
    "stranger",
    "auditor",
    "administrator",
)
DENIED = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


def view_of(callback: Any) -> Any:
    return getattr(callback, "view_class", None) or getattr(callback, "cls", callback)


ROUTES = sorted(
    ((r, view_of(c)) for r, c in routes() if not r.startswith(ELSEWHERE)), key=lambda pair: pair[0]
)
IDS = [route or "/" for route, _ in ROUTES]


def rules_of(view: Any) -> dict[str, str]:
    """Permission by method."""
    methods = [m for m in METHODS if hasattr(view, m.lower())]
    by_method: dict[str, str] = getattr(view, "permissions", {})
    rule: str = getattr(view, "permission", "")
    return {method: by_method.get(method, rule) for method in methods}


def reason_of(view: Any) -> str:
    return getattr(view, "public", "") or getattr(view, "signed_in", "")


@pytest.mark.parametrize(("route", "view"), ROUTES, ids=IDS)
def test_every_route_names_its_rule(route: str, view: Any) -> None:
    reason = reason_of(view)
    if reason:
        assert len(reason) > 15, "public and signed_in hold the reason, not a flag"
        return
    rules = rules_of(view)
    assert rules, f"{view} answers no method"
    for method, permission in rules.items():
        assert permission, f"{method} {route} ({view}) names no permission"
        assert permissions.get(permission), f"{permission} of {route} stands in no table"


class TestWalk:
    @pytest.fixture
    def world(self, db: None) -> World:
        return make_world()

    def test_every_parameter_has_a_sample(self, world: World) -> None:
        samples = world.samples()
        missing = [
            route
            for route, view in ROUTES
            if PARAMETER.search(route) and not reason_of(view) and sample_of(route, samples) is None
        ]
        assert not missing, f"add them to tests/support/world.py: {missing}"

    def test_nobody_gets_in_without_signing_in(self, world: World) -> None:
        samples, wrong = world.samples(), []
        for route, view in ROUTES:
            if getattr(view, "public", "") or (sample := sample_of(route, samples)) is None:
                continue
            for method in rules_of(view):
                response = ask(Client(), method, path_of(route, sample))
                rest = route.startswith("api/") and not route.endswith("docs/")
                expected = HTTPStatus.UNAUTHORIZED if rest else HTTPStatus.FOUND
                if response.status_code not in {expected, HTTPStatus.METHOD_NOT_ALLOWED}:
                    wrong.append(f"{method} {route}: {response.status_code}")
        assert not wrong, "\n".join(wrong)

    @pytest.mark.parametrize("character", CHARACTERS)
    def test_each_character_gets_what_the_rule_says(self, world: World, character: str) -> None:
        actor = Actor(getattr(world.people, character))
        wrong: list[str] = []
        for route, view, method, permission, sample in self.asked(world):
            client = Client(raise_request_exception=False)
            client.force_login(actor.user)  # type: ignore[arg-type]
            response = ask(client, method, path_of(route, sample))
            problem = judge(
                actor, view, method, permission=permission, sample=sample, response=response
            )
            if problem:
                wrong.append(f"{method} {route} ({permission}): {problem}")
        assert not wrong, "\n".join(wrong)

    @staticmethod
    def asked(world: World) -> Iterator[tuple[str, Any, str, str, Sample]]:
        samples = world.samples()
        for route, view in ROUTES:
            sample = sample_of(route, samples)
            if reason_of(view) or sample is None:
                continue
            by_action: dict[str, str] = getattr(view, "by_action", {})
            for method, permission in rules_of(view).items():
                if not by_action:
                    yield route, view, method, permission, sample
                for action, own in by_action.items():
                    one = replace(sample, values={**sample.values, "action": action})
                    yield route, view, method, own, one


def sample_of(route: str, samples: dict[str, Sample]) -> Sample | None:
    """The sample of the longest fitting start; an empty one for a route without parameters."""
    bare = route.removeprefix("api/v1/")
    fitting = [start for start in samples if bare.startswith(start)]
    if fitting:
        return samples[max(fitting, key=len)]
    return None if PARAMETER.search(route) else Sample({}, None)


def path_of(route: str, sample: Sample) -> str:
    path = "/" + PARAMETER.sub(lambda match: str(sample.values[match[1]]), route)
    return f"{path}?{sample.query}" if sample.query else path


def ask(client: Client, method: str, path: str) -> HttpResponse:
    """The answer; whatever the request wrote is undone."""
    with transaction.atomic():
        body = {} if method in SAFE else {"content_type": "application/json", "data": "{}"}
        if not path.startswith("/api/"):
            body = {}
        response: HttpResponse = getattr(client, method.lower())(path, **body)
        transaction.set_rollback(True)
    return response


def judge(
    actor: Actor,
    view: Any,
    method: str,
    *,
    permission: str,
    sample: Sample,
    response: HttpResponse,
) -> str:
    """What is wrong with an answer, or empty."""
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{status}"
    if sample.own:
        fine = status == HTTPStatus.NOT_FOUND or decide(actor, "user.manage", None).allowed
        return "" if fine else f"{status} for somebody else's"
    if sample.listing or not sample.values:
        return _judge_collection(actor, view, method, permission, status)
    return _judge_object(decide(actor, permission, sample.place), method, response)


def _judge_object(decision: Decision, method: str, response: HttpResponse) -> str:
    status = response.status_code
    if decision.allowed:
        # A service may ask for more than seeing, after the view: then it says so with 403.
        fine = status not in DENIED or (method not in SAFE and status == HTTPStatus.FORBIDDEN)
        return "" if fine else f"{status} though allowed"
    expected = HTTPStatus.FORBIDDEN if decision.visible else HTTPStatus.NOT_FOUND
    if status != expected:
        return f"{status} instead of {expected.value} ({decision.reason})"
    told = decision.permission in response.content.decode()
    return "" if told or not decision.visible else "403 without the reason"


def _judge_collection(actor: Actor, view: Any, method: str, permission: str, status: int) -> str:
    """A list shows what one may see; other verbs need the permission somewhere."""
    if method in SAFE and not getattr(view, "anywhere", False):
        return "" if status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND} else f"{status}"
    if held_anywhere(actor, permission):
        return "" if status != HTTPStatus.NOT_FOUND else f"{status} though held somewhere"
    return "" if status in {*DENIED, 400, 405, 422} else f"{status} though held nowhere"


@pytest.mark.django_db
@pytest.mark.parametrize("character", ["stranger", "developer", "auditor"])
def test_the_admin_site_is_shut_to_everybody_but_staff(character: str) -> None:
    people = make_world().people
    client = Client()
    client.force_login(getattr(people, character))
    for route, _ in routes():
        if route.startswith("admin/") and "<" not in route and "(" not in route:
            if route == "admin/login/":
                continue
            response = client.get(f"/{route}")
            assert response.status_code in {302, 403, 404, 405}, route
            if response.status_code == HTTPStatus.FOUND and route != "admin/logout/":
                assert "/admin/login/" in response["Location"], route
