from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from gitops import watching
from gitops.backends.base import LiveObject, WatchEvent
from gitops.models import Application, CloudAccount, Cluster
from idp.common.errors import TemporaryBackendError
from rbac.actors import Actor
from tests.gitops.factories import aws, bring, deployment, make_application
from tests.gitops.fake import FakeCluster, World
from tests.rbac.factories import Characters


@pytest.fixture
def live(app: Application, dana: Actor, cluster: World) -> LiveObject:
    bring(dana, app, deployment(replicas=2))
    ref = next(r for r in cluster.objects if r.kind == "Deployment")
    return cluster.objects[ref]


def with_ready(live: LiveObject, ready: int) -> LiveObject:
    status = {**live.body["status"], "readyReplicas": ready, "availableReplicas": ready}
    return replace(live, body={**live.body, "status": status})


def test_an_event_changes_the_health_of_object_and_application(
    app: Application, live: LiveObject
) -> None:
    assert watching.take(app.cluster, with_ready(live, 1)) is True
    app.refresh_from_db()
    assert app.health == "Progressing"
    assert "Deployment web" in app.health_message
    assert watching.take(app.cluster, with_ready(live, 1)) is False, "no news"
    watching.take(app.cluster, live)
    app.refresh_from_db()
    assert app.health == "Healthy"


def test_a_deleted_object_is_missing(app: Application, live: LiveObject) -> None:
    watching.take(app.cluster, live, gone=True)
    app.refresh_from_db()
    assert app.health == "Missing"
    assert app.health_message == "Deployment web: It is not there."


def test_objects_of_nobody_are_left_alone(app: Application, live: LiveObject) -> None:
    stranger = replace(live, ref=replace(live.ref, namespace="elsewhere"))
    assert watching.take(app.cluster, stranger) is False


def test_following_goes_on_from_the_last_version_and_anew_after_relist(
    app: Application, live: LiveObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    events = [WatchEvent("MODIFIED", replace(with_ready(live, 0), version="41"))]

    def watch(self: FakeCluster, api: str, kind: str, **given: object) -> list[WatchEvent]:
        asked.append(str(given["version"]))
        return events

    monkeypatch.setattr(FakeCluster, "watch", watch)
    stop = threading.Event()
    version = watching.follow(app.cluster, "apps/v1", "Deployment", stop)
    assert version == "41"
    app.refresh_from_db()
    assert app.health == "Progressing"
    events[:] = [WatchEvent("RELIST", None)]
    assert watching.follow(app.cluster, "apps/v1", "Deployment", stop, version) == ""
    assert asked == ["", "41"]


def test_the_relist_finds_what_no_watch_told(
    app: Application, live: LiveObject, cluster: World
) -> None:
    cluster.objects[live.ref] = with_ready(live, 0)
    Application.objects.update(observed_at=None)
    assert watching.relist() == 1
    app.refresh_from_db()
    assert app.health == "Progressing"
    assert watching.relist() == 0, "fresh enough"


def test_a_cluster_that_cannot_be_seen_makes_health_unknown_in_words(
    app: Application, live: LiveObject, cluster: World
) -> None:
    def gone(verb: str, ref: object) -> None:
        raise TemporaryBackendError("Cluster local does not answer.")

    cluster.fault = gone
    Application.objects.update(observed_at=None)
    watching.relist()
    app.refresh_from_db()
    assert app.health == "Unknown"
    assert app.health_message == "It cannot be seen: Cluster local does not answer."


def test_a_silent_cluster_is_asked_once_a_round_and_hides_no_other(
    app: Application, live: LiveObject, cluster: World, dana: Actor, people: Characters
) -> None:
    second = make_application(people.project, "second", "development")
    bring(dana, second, deployment(replicas=1))
    asked: list[str] = []

    def silent(verb: str, ref: object) -> None:
        asked.append(verb)
        raise TemporaryBackendError("Cluster local does not answer.")

    cluster.fault = silent
    Application.objects.update(observed_at=None)
    assert watching.relist() == 2
    assert len(asked) == 1
    assert set(Application.objects.values_list("health", flat=True)) == {"Unknown"}

    def odd(verb: str, ref: object) -> None:
        raise ValueError("an object that nobody foresaw")

    cluster.fault = odd
    Application.objects.update(observed_at=None)
    assert watching.relist() == 2
    second.refresh_from_db()
    assert second.health_message.startswith("It cannot be seen: ValueError")


def test_the_relist_looks_at_cloud_objects_too(
    app: Application, live: LiveObject, cloud: World, dana: Actor
) -> None:
    bring(dana, app, deployment(replicas=2), aws("Queue", "jobs"), aws("Table", "orders"))
    name = f"{app.namespace}-orders"
    ref = next(r for r in cloud.objects if r.name == name)
    table = cloud.objects[ref]
    cloud.objects[ref] = replace(table, body={**table.body, "status": {"state": "UPDATING"}})
    Application.objects.update(observed_at=None)
    watching.relist()
    app.refresh_from_db()
    assert (app.health, app.health_message) == ("Progressing", f"Table {name}: updating")
    del cloud.objects[ref]
    Application.objects.update(observed_at=None)
    watching.relist()
    app.refresh_from_db()
    assert (app.health, app.health_message) == ("Missing", f"Table {name}: It is not there.")


def test_a_silent_account_is_asked_once_and_hides_no_cluster(
    app: Application, live: LiveObject, cloud: World, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment(replicas=2), aws("Queue", "jobs"), aws("Table", "orders"))
    asked: list[str] = []

    def silent(verb: str, ref: object) -> None:
        asked.append(verb)
        raise TemporaryBackendError("Account aws did not answer in time.")

    cloud.fault = silent
    Application.objects.update(observed_at=None)
    watching.relist()
    app.refresh_from_db()
    assert len(asked) == 1
    assert app.health == "Unknown"
    assert "Table" in app.health_message
    assert "It cannot be seen: Account aws did not answer in time." in app.health_message
    assert app.objects_made.get(kind="Deployment").health == "Healthy"
    CloudAccount.objects.update(active=False)
    cluster.objects[live.ref] = with_ready(live, 0)
    Application.objects.update(observed_at=None)
    watching.relist()
    app.refresh_from_db()
    assert app.health == "Progressing", "the cluster is still looked at"


@pytest.mark.django_db(transaction=True)
def test_the_watcher_runs_until_it_is_stopped(
    app: Application, live: LiveObject, cluster: World
) -> None:
    cluster.objects[live.ref] = with_ready(live, 0)
    stop, seen = threading.Event(), threading.Event()

    def told(verb: str, ref: object) -> None:
        if verb == "watch":
            seen.set()

    cluster.fault = told
    thread = threading.Thread(target=watching.run_forever, args=(stop,))
    thread.start()
    assert seen.wait(20)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_clusters_that_are_switched_off_are_not_watched(app: Application) -> None:
    Cluster.objects.update(active=False)
    stop = threading.Event()
    watching._watch((app.cluster.pk, "apps/v1", "Deployment"), stop)
    assert not stop.is_set()
