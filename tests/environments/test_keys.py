"""`Idempotency-Key` on every request that answers 202: the same change, and never another's."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from environments.models import Environment
from gitops.models import Cluster
from idp.changes import services as changes
from idp.changes.models import AnsweredRequest, Change
from idp.common.errors import Clash
from rbac.actors import Actor
from tests.environments.factories import bring, create, settle
from tests.environments.test_api import LIST, ONE, body, client_of
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(people: Characters, cluster: Cluster) -> APIClient:
    return client_of(people.developer)


def ask(api: APIClient, path: str, data: Any, key: str, verb: str = "post") -> tuple[int, Any]:
    answer = getattr(api, verb)(path, data, headers={"Idempotency-Key": key})
    return answer.status_code, answer.json()


def reused(answer: tuple[int, Any]) -> bool:
    status, problem = answer
    return status == 422 and problem["errors"][0] == {
        "field": "Idempotency-Key",
        "rule": "reused",
        "message": problem["errors"][0]["message"],
        "fix": "Send another key for another request.",
    }


def test_an_edit_that_was_applied_is_answered_with_its_change(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    _, first = ask(api, f"{ONE}scale/", {"replicas": 3}, "k")
    settle(dana, Change.objects.get(pk=first["id"]))
    status, again = ask(api, f"{ONE}scale/", {"replicas": 3}, "k")
    assert (status, again["id"], again["state"]) == (202, first["id"], "succeeded")
    assert ask(api, f"{ONE}scale/", {"replicas": 3}, "other")[0] == 409  # it is so already


def test_a_deletion_that_was_applied_is_answered_with_its_change(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    _, first = ask(api, ONE, {}, "k", "delete")
    settle(dana, Change.objects.get(pk=first["id"]))
    status, again = ask(api, ONE, {}, "k", "delete")
    assert (status, again["id"], again["state"]) == (202, first["id"], "succeeded")


def test_a_key_answers_only_its_own_request(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    assert ask(api, f"{ONE}scale/", {"replicas": 3}, "k")[0] == 202
    assert reused(ask(api, f"{ONE}scale/", {"replicas": 4}, "k"))
    assert reused(ask(api, f"{ONE}restart/", {}, "k"))
    assert reused(ask(api, LIST, body(name="other"), "k"))
    assert reused(ask(api, LIST, {}, "k"))  # the key is looked up before the body is judged
    assert not Environment.objects.filter(name="other").exists()


def test_another_persons_key_is_another_key(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    _, first = ask(api, f"{ONE}scale/", {"replicas": 3}, "k")
    _, second = ask(client_of(people.mate), f"{ONE}scale/", {"replicas": 4}, "k")
    assert first["id"] != second["id"]


def test_confirming_and_cancelling_know_the_key(api: APIClient, cluster: Cluster) -> None:
    _, made = ask(api, LIST, body(), "make")
    change = run_until_settled(Change.objects.get(pk=made["id"]))
    path = f"/api/v1/changes/{change.pk}"
    plan = {"plan_hash": change.plan_hash}
    assert [ask(api, f"{path}/confirm/", plan, "yes")[0] for _ in range(2)] == [202, 202]
    assert ask(api, f"{path}/confirm/", plan, "")[0] == 422  # no key at all
    assert ask(api, f"{path}/confirm/", plan, "late")[0] == 409
    assert reused(ask(api, f"{path}/cancel/", {}, "yes"))
    assert [ask(api, f"{path}/cancel/", {}, "no")[0] for _ in range(2)] == [202, 202]


def test_a_request_that_was_refused_leaves_its_key_free(api: APIClient) -> None:
    assert ask(api, LIST, body(tier="moon"), "k")[0] == 422
    assert ask(api, LIST, body(), "k")[0] == 202


def test_the_digest_does_not_tell_the_body(api: APIClient, dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    secret = {"variable": "STRIPE_KEY", "value": "sk_live_1"}
    assert ask(api, f"{ONE}secrets/", secret, "k")[0] == 202
    turned = dict(reversed(secret.items()))
    assert ask(api, f"{ONE}secrets/", turned, "k")[0] == 202
    assert len(AnsweredRequest.objects.get().digest) == 64


def test_creating_takes_no_other_change_for_its_own(dana: Actor, people: Characters) -> None:
    first = create(dana, people.project, idempotency_key="k")
    changes.cancel(dana, first)
    with pytest.raises(Clash, match=f"The Idempotency-Key was used for change {first.pk}"):
        create(dana, people.project, name="other", idempotency_key="k")
