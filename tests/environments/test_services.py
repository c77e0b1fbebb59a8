"""Creating and changing environments: over the simulated cluster, by the same runner as workers."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from environments import selectors, services
from environments.models import Environment, Limit
from environments.services.day2 import remove_secret
from environments.services.edits import Options
from gitops import repositories
from gitops.backends.base import ObjectRef
from gitops.models import Application, MemoryObject, SecretValue
from gitops.targets import cluster_target
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.errors import Clash, Forbidden, Invalid, NotVisible, PreconditionFailed, Refusal
from rbac.actors import Actor
from tests.environments.factories import bring, create, make_cluster, of, settle, wish
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
State = Environment.State


def live_replicas(environment: Environment) -> int:
    application = environment.application
    ref = ObjectRef("apps/v1", "Deployment", "web", application.namespace)
    found = cluster_target(application.cluster).get(ref)
    assert found is not None
    return int(found.body["spec"]["replicas"])


def file_of(environment: Environment) -> str:
    return selectors.source(environment).text


def test_an_environment_is_made_from_the_plan_that_was_confirmed(
    dana: Actor, people: Characters
) -> None:
    change = run_until_settled(create(dana, people.project))
    environment = of(change.scope)
    assert change.state == Change.State.READY
    assert environment.state == State.PROPOSED
    assert not MemoryObject.objects.exists()
    change = settle(dana, change)
    environment = of(change.scope)
    assert change.state == Change.State.SUCCEEDED, change.reason
    assert environment.state == State.ACTIVE
    assert environment.ready_at is not None
    assert environment.address == "http://demo.orders.apps.example.test"
    assert environment.application.health == Application.Health.HEALTHY
    (workload,) = environment.workloads.all()
    assert (workload.name, workload.version, workload.replicas) == ("web", "1.4.2", 1)
    kinds = set(MemoryObject.objects.values_list("kind", flat=True))
    assert {"Namespace", "Deployment", "Service", "Ingress", "NetworkPolicy"} <= kinds


def test_day_two_changes_edit_the_file_where_the_value_comes_from(
    dana: Actor, people: Characters
) -> None:
    environment = bring(dana, people.project)
    settle(dana, services.scale(dana, environment, replicas=3))
    assert "replicas: 3" in file_of(environment)
    assert selectors.source(environment).document.parameters["replicas"] == 3
    image = "registry.example.com/orders/api:2.0.0"
    settle(dana, services.set_image(dana, environment, image=image))
    assert selectors.source(environment).document.parameters["image"] == image
    assert of(environment.scope).workloads.get().version == "2.0.0"
    settle(dana, services.set_variables(dana, environment, variables={"A": "1", "B": "x=y"}))
    settle(dana, services.set_variables(dana, environment, variables={"B": "x=y"}))
    assert of(environment.scope).workloads.get().spec["variables"] == {"B": "x=y"}
    verbs = list(Change.objects.order_by("id").values_list("verb", flat=True))
    assert verbs == [
        "environment.create", "environment.scale", "environment.set-image",
        "environment.set-variables", "environment.set-variables",
    ]  # fmt: skip


def test_a_persons_comments_survive_an_edit(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    repo, application = environment.application.repository, environment.application
    text = file_of(environment).replace("parameters:", "parameters:  # tuned by hand")
    base = repositories.head(repo)
    tree = repositories.tree_id(repo, base, application.directory)
    files = {"environment.yaml": text.encode()}
    sha = repositories.propose(repo, 9999, application.directory, files, base, dana, "By hand")
    repositories.fast_forward(repo, 9999, sha, tree, application.directory)
    settle(dana, services.scale(dana, environment, replicas=2))
    assert "# tuned by hand" in file_of(environment)
    assert "replicas: 2" in file_of(environment)


def test_an_autoscaler_is_scaled_by_its_bounds(dana: Actor, people: Characters) -> None:
    parameters = {**wish(people.project)["parameters"], "autoscaling": {"enabled": True}}
    environment = bring(dana, people.project, parameters=parameters)
    with pytest.raises(Invalid, match="An autoscaler owns the pods of web"):
        services.scale(dana, environment, replicas=3)
    settle(dana, services.scale(dana, environment, min_replicas=2, max_replicas=5))
    found = selectors.source(environment).document.parameters["autoscaling"]
    assert found == {"enabled": True, "min": 2, "max": 5}
    with pytest.raises(Invalid, match="is empty"):
        services.scale(dana, environment, min_replicas=9)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "A number is needed"),
        ({"min_replicas": 2}, "web is not autoscaled"),
        ({"replicas": 50}, "50"),
        ({"replicas": 2, "workload": "wbe"}, "has no workload “wbe”"),
    ],
)
def test_what_scaling_refuses(
    dana: Actor, people: Characters, given: dict[str, Any], words: str
) -> None:
    environment = bring(dana, people.project)
    with pytest.raises(Invalid) as caught:
        services.scale(dana, environment, **given)
    said = caught.value.message + " ".join(e.message for e in caught.value.errors)
    assert words in said


def test_stop_and_start_bring_back_the_number_of_pods(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project, parameters={"image": "a:1", "replicas": 2})
    with pytest.raises(Clash, match="is not stopped"):
        services.start(dana, environment)
    settle(dana, services.stop(dana, environment))
    stopped = of(environment.scope)
    assert stopped.state == State.STOPPED
    assert live_replicas(environment) == 0
    with pytest.raises(Clash, match="is stopped already"):
        services.stop(dana, stopped)
    with pytest.raises(Clash, match="is stopped"):
        services.restart(dana, stopped)
    settle(dana, services.start(dana, stopped))
    assert of(environment.scope).state == State.ACTIVE
    assert live_replicas(environment) == 2


def test_restart_replaces_pods_and_nothing_else(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    change = run_until_settled(services.restart(dana, environment))
    touched = [a["kind"] for a in change.plan["actions"] if a["verb"] != "unchanged"]
    assert touched == ["Deployment"]


def test_a_secret_is_stored_encrypted_and_named_in_git(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    change = services.set_secret(dana, environment, variable="STRIPE_KEY", value="sk_live_1")
    assert "sk_live_1" not in str(change.intent)
    settle(dana, change)
    assert "web-stripe-key@1" in file_of(environment)
    assert "sk_live_1" not in file_of(environment)
    settle(dana, services.set_secret(dana, environment, variable="STRIPE_KEY", value="sk_live_2"))
    assert "web-stripe-key@2" in file_of(environment)
    assert SecretValue.objects.count() == 2
    assert "sk_live" not in str(Change.objects.latest("id").plan)
    settle(dana, remove_secret(dana, environment, variable="STRIPE_KEY"))
    assert "STRIPE_KEY" not in file_of(environment)
    with pytest.raises(Invalid):
        services.set_secret(dana, environment, variable="NOT A NAME", value="x")
    assert SecretValue.objects.count() == 2


def test_an_old_version_is_not_overwritten(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    seen = Options(expected_tree=selectors.source(environment).tree)
    settle(dana, services.scale(dana, environment, replicas=2))
    with pytest.raises(PreconditionFailed, match="not the version you saw"):
        services.scale(dana, environment, replicas=4, options=seen)


def test_what_would_change_nothing_is_said(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project, parameters={"image": "a:1", "replicas": 2})
    with pytest.raises(Clash, match="nothing would change"):
        services.scale(dana, environment, replicas=2)


def test_deleting_frees_the_name_and_leaves_nothing(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    change = settle(dana, services.delete_environment(dana, environment))
    assert change.state == Change.State.SUCCEEDED, change.reason
    gone = of(environment.scope)
    assert gone.state == State.DELETED
    assert gone.deleted_at is not None
    assert not MemoryObject.objects.exclude(kind__in=["Node", "Counter"]).exists()
    assert not file_of(gone)
    with pytest.raises(Clash, match="is deleted already"):
        services.delete_environment(dana, gone)
    assert bring(dana, people.project).pk != environment.pk


def test_a_cancelled_first_change_frees_the_name(dana: Actor, people: Characters) -> None:
    change = run_until_settled(create(dana, people.project))
    with pytest.raises(Clash, match="is not made yet"):
        services.scale(dana, of(change.scope), replicas=2)
    changes.cancel(dana, change)
    assert of(change.scope).state == State.DELETED
    assert of(change.scope).application.removed_at is not None
    again = create(dana, people.project)
    services.delete_environment(dana, of(again.scope))
    assert of(again.scope).state == State.DELETED


def test_the_same_key_is_the_same_change(dana: Actor, people: Characters) -> None:
    first = create(dana, people.project, idempotency_key="k1")
    assert create(dana, people.project, idempotency_key="k1").pk == first.pk
    assert Environment.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"name": "Not_A_Name"}, "name", "is not a name"),
        ({"name": "x" * 41}, "name", "1 to 40"),
        ({"name": "kube-system"}, "name", "is reserved"),
        ({"name": "production"}, "name", "names a tier, so orders/production is taken"),
        ({"tier": "moon"}, "tier", "is no tier"),
        ({"blueprint": "web-service@9.0.0"}, "spec.blueprint", "no version 9.0.0"),
        ({"parameters": {}}, "parameters.image", "A value is needed"),
        ({"resources": {"x": {"kind": "Bucket"}}}, "account", "need a cloud account"),
        ({"expires_at": timezone.now() - timedelta(hours=1)}, "expires_at", "in the past"),
    ],
)
def test_what_creating_refuses_names_the_field(
    dana: Actor, people: Characters, more: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Invalid) as caught:
        create(dana, people.project, **more)
    assert caught.value.errors[0].field == field
    assert words in caught.value.errors[0].message
    assert not Environment.objects.exists()


def test_a_cluster_takes_only_its_tiers(dana: Actor, people: Characters) -> None:
    other = make_cluster("prod", tiers=["production"])
    with pytest.raises(Invalid, match="prod takes production, not development"):
        create(dana, people.project, cluster=other)
    other.tiers, other.active = [], False
    with pytest.raises(Invalid, match="takes no new environments"):
        create(dana, people.project, cluster=other)


def test_a_taken_name_is_said_in_words(dana: Actor, people: Characters) -> None:
    create(dana, people.project)
    with pytest.raises(Clash, match="orders has an environment “demo” already") as caught:
        create(dana, people.project)
    assert caught.value.errors[0].field == "name"


def test_who_may_do_what(dana: Actor, people: Characters) -> None:
    environment = bring(dana, people.project)
    viewer, stranger = Actor(people.viewer), Actor(people.stranger)
    with pytest.raises(Forbidden):
        create(viewer, people.project, name="other")
    with pytest.raises(Forbidden):
        create(dana, people.project, name="prod", tier="production")
    with pytest.raises(Forbidden):
        services.scale(viewer, environment, replicas=2)
    with pytest.raises(NotVisible):
        services.scale(stranger, environment, replicas=2)
    with pytest.raises(NotVisible):
        selectors.environment(stranger, "orders", "demo")
    assert selectors.environment(viewer, "orders", "demo") == environment


def limit(people: Characters, **fields: Any) -> Limit:
    return Limit.objects.create(
        name="small", scope=people.scope, lifted_by="pat.platform can raise it.", **fields
    )


@pytest.mark.parametrize(
    ("fields", "more", "words"),
    [
        ({"max_environments": 0}, {}, "allows 0 environments and there are 0"),
        ({"allowed_tiers": ["preview"]}, {}, "allows only preview; you asked for development"),
        (
            {"max_lifetime_days": 7},
            {"expires_at": timezone.now() + timedelta(days=30)},
            "live 7 days at most",
        ),
    ],
)
def test_a_limit_names_itself_the_fact_and_who_can_lift_it(
    dana: Actor, people: Characters, fields: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    limit(people, **fields)
    with pytest.raises(Refusal) as caught:
        create(dana, people.project, **more)
    assert "Limit small" in caught.value.message
    assert words in caught.value.message
    assert caught.value.fix == "pat.platform can raise it."


def test_without_an_expiry_the_limit_chooses_the_latest(dana: Actor, people: Characters) -> None:
    limit(people, max_lifetime_days=7)
    environment = bring(dana, people.project)
    assert environment.expires_at is not None
    assert environment.expires_at - timezone.now() < timedelta(days=7)
    with pytest.raises(Refusal, match="live 7 days at most"):
        services.extend(dana, environment, expires_at=timezone.now() + timedelta(days=9))
    with pytest.raises(Refusal, match="live 7 days at most"):
        services.extend(dana, environment, expires_at=None)
    with pytest.raises(Invalid, match="in the past"):
        services.extend(dana, environment, expires_at=timezone.now() - timedelta(days=1))
    later = timezone.now() + timedelta(days=3)
    settle(dana, services.extend(dana, environment, expires_at=later))
    found = of(environment.scope).expires_at
    assert found is not None
    assert abs(found - later) < timedelta(seconds=2)


def test_the_quota_gate_refuses_the_plan(dana: Actor, people: Characters) -> None:
    limit(people, cpu="150m", memory="1Gi")
    change = run_until_settled(create(dana, people.project))
    assert change.state == Change.State.READY
    big = {"image": "a:1", "replicas": 3}
    change = settle(dana, create(dana, people.project, name="big", parameters=big))
    gate = next(g for g in change.gates if g["gate"] == "quota")
    assert gate["outcome"] == "refuse"
    assert "gives an environment 150m CPU; it asks for 300m CPU" in gate["sentence"]
    assert gate["lift"] == "pat.platform can raise it."
    assert not MemoryObject.objects.filter(kind="Deployment").exists()


def test_a_limit_for_the_second_counts_the_first(dana: Actor, people: Characters) -> None:
    limit(people, max_environments=1, tier="development")
    first = create(dana, people.project)
    with pytest.raises(Refusal, match="there are 1 already"):
        create(dana, people.project, name="second")
    assert settle(dana, first).state == Change.State.SUCCEEDED
    assert bring(dana, people.project, name="other", tier="staging").state == State.ACTIVE


@pytest.mark.django_db(transaction=True)
def test_of_two_browsers_in_the_same_second_one_wins(dana: Actor, people: Characters) -> None:
    results = _at_once(dana, people)
    assert sorted(type(r).__name__ for r in results) == ["Change", "Clash"], results
    loser = next(r for r in results if isinstance(r, Clash))
    assert "has an environment “demo” already" in loser.message
    assert Environment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_request_sent_twice_in_the_same_second_is_one_change(
    dana: Actor, people: Characters
) -> None:
    results = _at_once(dana, people, idempotency_key="once")
    assert [type(r).__name__ for r in results] == ["Change", "Change"], results
    assert results[0] == results[1]
    assert Environment.objects.count() == 1


def _at_once(dana: Actor, people: Characters, **more: Any) -> list[Any]:
    """What two threads hear that ask for the same environment."""
    gate, results = threading.Barrier(2), []

    def ask() -> None:
        gate.wait(10)
        try:
            results.append(create(dana, people.project, **more))
        except Exception as error:  # noqa: BLE001 - the assertions of the callers name it
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
