from __future__ import annotations

import base64

import pytest

from gitops import repositories, secrets
from gitops.backends.base import OWNER_LABEL, LiveObject, ObjectRef
from gitops.models import Application, ManagedObject
from gitops.services import propose_directory
from idp.changes.models import Change
from idp.common.errors import Denied, PermanentBackendError, TemporaryBackendError
from rbac.actors import Actor, system
from tests.gitops.factories import aws, bring, config, deployment, drop, make_application, propose
from tests.gitops.fake import World
from tests.support.changes import run_until_settled

State = Change.State


def plan_of(change: Change) -> dict[str, str]:
    assert change.plan is not None, change.reason
    return {f"{a['kind']}/{a['name']}": a["verb"] for a in change.plan["actions"]}


def test_a_first_sync_makes_everything_in_order(
    app: Application, dana: Actor, cluster: World, cloud: World
) -> None:
    change = bring(dana, app, deployment(), config(A="1"), aws("Bucket", "exports"))
    assert (change.state, change.reason) == (State.SUCCEEDED, "")
    made = [name for verb, name in cluster.calls if verb == "apply"]
    assert made[0] == f"Namespace/{app.namespace}"
    assert made[1:] == ["Secret/slipway-outputs", "ConfigMap/settings", "Deployment/web"]
    assert cloud.names() == {f"Bucket/{app.namespace}-exports"}
    app.refresh_from_db()
    assert (app.sync, app.health) == ("Synced", "Healthy")
    main = repositories.head(app.repository)
    assert app.synced_commit == main
    assert app.synced_tree == repositories.tree_id(app.repository, main, app.directory)
    assert change.plan is not None
    assert change.plan["facts"]["objects"] == 5
    assert "The namespace is new" in change.plan["notes"][0]


def test_outputs_arrive_as_a_secret_and_are_known_only_after_apply(
    app: Application, dana: Actor, cluster: World
) -> None:
    change = bring(dana, app, aws("Queue", "jobs"))
    fields = next(a["fields"] for a in change.plan["actions"] if a["name"] == "slipway-outputs")
    assert {(f["path"], f["after"], f["known"]) for f in fields} == {
        ("data.JOBS_QUEUE_URL", "known after apply", False),
        ("data.JOBS_QUEUE_ARN", "known after apply", False),
    }
    data = cluster.body("Secret", "slipway-outputs")["data"]
    assert base64.b64decode(data["JOBS_QUEUE_URL"]).decode() == f"url:{app.namespace}-jobs"
    row = app.objects_made.get(kind="Queue")
    assert (row.logical_name, row.state, row.health) == ("jobs", "ready", "Healthy")
    assert row.outputs["ARN"] == f"arn:{app.namespace}-jobs"


def test_an_output_can_stand_in_any_document(app: Application, dana: Actor, cluster: World) -> None:
    reference = "${Role/{namespace}-workload.ARN}"
    account = {
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "web", "annotations": {"eks.amazonaws.com/role-arn": reference}},
    }  # fmt: skip
    change = bring(dana, app, account, aws("Role", "workload"))
    assert change.state == State.SUCCEEDED, change.reason
    annotations = cluster.body("ServiceAccount", "web")["metadata"]["annotations"]
    assert annotations["eks.amazonaws.com/role-arn"] == f"arn:{app.namespace}-workload"


def test_an_output_that_nobody_makes_fails_the_change(app: Application, dana: Actor) -> None:
    change = bring(dana, app, config(A="${Queue/nowhere.URL}"))
    assert change.state == State.FAILED
    assert "ConfigMap settings refers to an output that does not exist" in change.reason


def test_a_second_sync_changes_only_what_differs(
    app: Application, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment(replicas=2), config(A="1"))
    cluster.calls.clear()
    change = bring(dana, app, deployment(replicas=3), config(A="1"))
    assert [name for verb, name in cluster.calls if verb == "apply"] == ["Deployment/web"]
    dry = {name for verb, name in cluster.calls if verb == "dry-run"}
    assert dry == {"Deployment/web"}, "no dry run where nothing changed"
    action = next(a for a in change.plan["actions"] if a["kind"] == "Deployment")
    assert [(f["path"], f["before"], f["after"]) for f in action["fields"]] == [
        ("spec.replicas", 2, 3), ("status.readyReplicas", 2, 3)][:1]  # fmt: skip
    assert action["risk"] == "changes what runs"


def test_the_same_again_is_nothing_to_do(app: Application, dana: Actor, cluster: World) -> None:
    bring(dana, app, deployment())
    cluster.calls.clear()
    change = bring(dana, app, deployment())
    assert change.state == State.SUCCEEDED
    assert "Nothing to do" in change.reason
    assert not [c for c in cluster.calls if c[0] in {"apply", "dry-run", "delete"}]


def test_what_is_no_longer_rendered_is_pruned(
    app: Application, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment(), config("a"), config("b"))
    change = bring(dana, app, deployment(), config("a"))
    assert plan_of(change)["ConfigMap/b"] == "delete"
    assert "ConfigMap/b" not in cluster.names()
    assert not app.objects_made.filter(name="b").exists()


def test_marked_objects_without_a_row_are_pruned_and_others_left(
    app: Application, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment())
    for name, labels in (("lost", {OWNER_LABEL: app.namespace}), ("foreign", {})):
        ref = ObjectRef("v1", "ConfigMap", name, app.namespace)
        body = {"kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
        cluster.objects[ref] = LiveObject(ref, name, "1", body)
    bring(dana, app, deployment(replicas=1))
    assert "ConfigMap/lost" not in cluster.names()
    assert "ConfigMap/foreign" in cluster.names()


def test_an_object_that_is_not_ours_is_refused_by_name(
    app: Application, dana: Actor, cloud: World
) -> None:
    name = f"{app.namespace}-exports"
    ref = ObjectRef("aws.slipway.dev/v1", "Bucket", name)
    cloud.objects[ref] = LiveObject(ref, "x", "1", {"kind": "Bucket", "metadata": {"name": name}})
    change = bring(dana, app, aws("Bucket", "exports"))
    assert change.state == State.REFUSED
    assert f"Bucket {name} exists already and is not this environment's" in change.reason
    assert "Choose another name" in change.reason
    assert cloud.objects[ref].uid == "x"


def test_an_object_that_appears_between_plan_and_apply_fails_the_change_visibly(
    app: Application, dana: Actor, cloud: World
) -> None:
    name = f"{app.namespace}-exports"
    ref = ObjectRef("aws.slipway.dev/v1", "Bucket", name)

    def appear(verb: str, at: ObjectRef) -> None:
        if verb == "apply" and at == ref and ref not in cloud.objects:
            body = {"kind": "Bucket", "metadata": {"name": name}}
            cloud.objects[ref] = LiveObject(ref, "x", "1", body)

    cloud.fault = appear
    change = bring(dana, app, aws("Bucket", "exports"))
    assert change.state == State.FAILED
    assert f"Bucket {name} exists and is not ours" in change.reason
    assert app.objects_made.get(kind="Bucket").state == ManagedObject.State.INTENDED


def test_a_target_out_of_reach_is_tried_again(
    app: Application, dana: Actor, cluster: World
) -> None:
    left = [3]

    def busy(verb: str, ref: ObjectRef) -> None:
        if verb == "apply" and ref.kind == "Deployment" and left[0]:
            left[0] -= 1
            raise TemporaryBackendError("The cluster answers 429.", retry_after=1)

    cluster.fault = busy
    change = bring(dana, app, deployment())
    assert change.state == State.SUCCEEDED
    assert change.steps.get(key__startswith="apply:kubernetes/Deployment").attempt == 4


def test_a_refusal_midway_names_the_object_and_deletion_cleans_up(
    app: Application, dana: Actor, cluster: World, cloud: World
) -> None:
    def deny(verb: str, ref: ObjectRef) -> None:
        if verb == "apply" and ref.kind == "Deployment":
            raise Denied("Deployment web: slipway may not create deployments.apps.")

    cluster.fault = deny
    change = bring(dana, app, deployment(), aws("Bucket", "exports"))
    assert change.state == State.FAILED
    assert "Make Deployment web: " in change.reason
    assert "may not create deployments.apps" in change.reason
    assert app.objects_made.get(kind="Bucket").state == ManagedObject.State.READY
    cluster.fault = None
    gone = run_until_settled(drop(dana, app))
    assert gone.state == State.SUCCEEDED, gone.reason
    assert cluster.names() == set()
    assert cloud.names() == set()
    assert not app.objects_made.exists()
    app.refresh_from_db()
    assert app.removed_at is not None


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", ["Namespace", "Bucket", "Secret", "Deployment"])
def test_a_crash_at_any_object_is_resumed_without_doubles(  # noqa: PLR0917 - fixtures
    app: Application,
    dana: Actor,
    cluster: World,
    cloud: World,
    kind: str,
    moment: str,
) -> None:
    class Killed(BaseException):
        pass

    crashed = []
    target = cloud if kind == "Bucket" else cluster

    def die(verb: str, ref: ObjectRef) -> None:
        if verb == f"{moment} apply" and ref.kind == kind and not crashed:
            crashed.append(ref)
            raise Killed

    target.fault = die
    change = propose(dana, app, deployment(), aws("Bucket", "exports"))
    with pytest.raises(Killed):
        run_until_settled(change)
    Change.objects.filter(pk=change.pk).update(lease_until=None)
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED, change.reason
    assert cloud.names() == {f"Bucket/{app.namespace}-exports"}
    assert {"Deployment/web", "Secret/slipway-outputs"} <= cluster.names()
    assert set(app.objects_made.values_list("state", flat=True)) == {"ready"}


def test_a_full_bucket_asks_and_purging_removes_it(
    app: Application, dana: Actor, cloud: World
) -> None:
    bring(dana, app, aws("Bucket", "exports"))
    name = f"{app.namespace}-exports"
    cloud.full[name] = "18,204 objects, 42 MB"
    change = run_until_settled(drop(dana, app))
    assert change.state == State.READY
    assert f"Choose what becomes of Bucket {name}" in change.reason
    action = next(a for a in change.plan["actions"] if a["kind"] == "Bucket")
    assert action["loss"]["sentence"] == "18,204 objects, 42 MB"
    assert action["risk"] == "loses data"
    assert cloud.names()
    key = f"aws/Bucket//{name}"
    decided = run_until_settled(drop(dana, app, intent={"choices": {key: "purge"}}))
    assert decided.state == State.SUCCEEDED, decided.reason
    assert cloud.names() == set()


def test_a_retained_bucket_stays_and_is_never_touched_again(
    app: Application, dana: Actor, cloud: World, cluster: World
) -> None:
    bring(dana, app, aws("Bucket", "exports"), deployment())
    name = f"{app.namespace}-exports"
    cloud.full[name] = "3 objects"
    intent = {"choices": {f"aws/Bucket//{name}": "retain"}}
    change = bring(dana, app, deployment(), intent=intent)
    assert change.state == State.SUCCEEDED, change.reason
    assert app.objects_made.get(kind="Bucket").state == ManagedObject.State.RETAINED
    change = run_until_settled(drop(dana, app))
    assert change.state == State.SUCCEEDED, change.reason
    assert cloud.names() == {f"Bucket/{name}"}
    assert cluster.names() == set()


def test_a_bucket_known_by_its_mark_alone_is_retained_with_a_record(
    app: Application, dana: Actor, cloud: World
) -> None:
    bring(dana, app, aws("Bucket", "exports"), deployment())
    name = f"{app.namespace}-exports"
    cloud.full[name] = "3 objects"
    app.objects_made.filter(kind="Bucket").delete()  # as after a restore of an older database
    choices = {f"aws/Bucket//{name}": "retain"}
    change = run_until_settled(drop(dana, app, intent={"choices": choices}))
    assert change.state == State.SUCCEEDED, change.reason
    assert cloud.names() == {f"Bucket/{name}"}
    assert app.objects_made.get(name=name).state == ManagedObject.State.RETAINED


def test_workloads_go_before_the_namespace_and_the_cloud_in_between(
    app: Application, dana: Actor, cluster: World, cloud: World
) -> None:
    bring(dana, app, deployment(), config(A="1"), aws("Queue", "jobs"))
    cluster.calls.clear()
    run_until_settled(drop(dana, app))
    gone = [name for verb, name in cluster.calls if verb == "delete"]
    assert gone == ["Deployment/web", f"Namespace/{app.namespace}"]
    assert (
        repositories.tree_id(app.repository, repositories.head(app.repository), app.directory) == ""
    )


def test_a_job_is_made_anew_because_it_cannot_change(
    app: Application, dana: Actor, cluster: World
) -> None:
    def job(image: str) -> dict[str, object]:
        header = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}}
        return {**header, "spec": {"image": image}}

    bring(dana, app, job("a"))
    uid = app.objects_made.get(kind="Job").uid
    change = bring(dana, app, job("b"))
    assert change.state == State.SUCCEEDED, change.reason
    assert plan_of(change)["Job/migrate"] == "replace"
    assert cluster.body("Job", "migrate")["spec"] == {"image": "b"}
    assert app.objects_made.get(kind="Job").uid != uid


def test_secret_values_are_injected_and_never_shown(
    app: Application, dana: Actor, cluster: World, cloud: World
) -> None:
    boss = system("tests")
    secrets.put(boss, app.scope, "stripe-key", "hunter2-one")
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web-secrets"},
                "stringData": {"STRIPE_KEY": "${secret:stripe-key@1}"}}  # fmt: skip
    change = bring(dana, app, document, aws("SecretValue", "stripe", ref="stripe-key@1"))
    assert change.state == State.SUCCEEDED, change.reason
    data = cluster.body("Secret", "web-secrets")["data"]
    assert base64.b64decode(data["STRIPE_KEY"]).decode() == "hunter2-one"
    secrets.put(boss, app.scope, "stripe-key", "hunter2-two")
    document["stringData"] = {"STRIPE_KEY": "${secret:stripe-key@2}"}
    second = bring(dana, app, document, aws("SecretValue", "stripe", ref="stripe-key@2"))
    action = next(a for a in second.plan["actions"] if a["name"] == "web-secrets")
    assert [(f["path"], f["before"], f["after"]) for f in action["fields"]] == [
        ("data.STRIPE_KEY", "(hidden)", "(hidden)")
    ]
    for row in Change.objects.all():
        kept = (row.plan, row.intent, row.result, list(row.events.values()))
        stored = repr((kept, list(row.steps.values())))
        assert "hunter2" not in stored
    assert "hunter2" not in repr(list(ManagedObject.objects.values()))


def test_a_missing_secret_version_is_named(app: Application, dana: Actor) -> None:
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
                "stringData": {"A": "${secret:nothing@4}"}}  # fmt: skip
    change = bring(dana, app, document)
    assert change.state == State.REFUSED
    assert "There is no secret nothing@4 at orders/staging" in change.reason


def test_a_secret_reference_in_another_document_is_not_filled(
    app: Application, dana: Actor, cluster: World
) -> None:
    secrets.put(system("tests"), app.scope, "k", "hunter2")
    bring(dana, app, config(A="${secret:k@1}"))
    assert cluster.body("ConfigMap", "settings")["data"] == {"A": "${secret:k@1}"}


def named(kind: str, name: str, **more: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (named("Node", "n"), "is none of the kinds"),
        (
            {**config(), "metadata": {"name": "x", "namespace": "kube-system"}},
            "is in namespace “kube-system”",
        ),
        (named("Namespace", "other"), "is in namespace “other”"),
        (named("Secret", "s", data={"a": "aGk="}), "never enter git"),
        (config("twice"), "ConfigMap “twice” is described twice"),
        (
            {**aws("Bucket", "x"), "metadata": {"name": "payroll"}},
            "Bucket “payroll” is not named as this environment's resources are",
        ),
    ],
)
def test_documents_are_held_to_kinds_and_namespace(
    app: Application, dana: Actor, document: dict[str, object], said: str
) -> None:
    change = bring(dana, app, config("twice"), document)
    assert change.state == State.REFUSED
    assert said in change.reason


def test_cloud_resources_need_an_account(app: Application, dana: Actor) -> None:
    Application.objects.filter(pk=app.pk).update(account=None)
    change = bring(dana, app, aws("Bucket", "exports"))
    assert change.state == State.REFUSED
    assert "has no cloud account" in change.reason


def test_two_proposals_of_one_directory_do_not_overwrite_each_other(
    app: Application, dana: Actor
) -> None:
    bring(dana, app, deployment(replicas=1))
    one = propose(dana, app, deployment(replicas=2))
    two = propose(dana, app, deployment(replicas=3))
    assert run_until_settled(one).state == State.SUCCEEDED
    late = run_until_settled(two)
    assert late.state == State.REFUSED
    assert "environments/staging was changed by dana.dev (“Change it”)" in late.reason


def test_siblings_that_moved_only_give_a_new_parent(
    app: Application, dana: Actor, people: object
) -> None:
    other = make_application(app.repository.project, "dev", "development")
    change = propose(dana, app, deployment())
    change = run_until_settled(propose(dana, other, deployment())) and change
    done = run_until_settled(change)
    assert done.state == State.SUCCEEDED, done.reason
    main = repositories.head(app.repository)
    assert set(repositories.read_directory(app.repository, main, "environments/dev")) == {
        "fake.yaml"
    }
    assert set(repositories.read_directory(app.repository, main, "environments/staging")) == {
        "fake.yaml"
    }


def test_live_drift_in_our_fields_is_seen_and_changes_the_hash(
    app: Application, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment(replicas=2), config(A="1"))
    first = bring(dana, app, deployment(replicas=2), config(A="2"), interactive=True)
    ref = next(r for r in cluster.objects if r.kind == "Deployment")
    cluster.objects[ref].body["spec"]["replicas"] = 9
    second = bring(dana, app, deployment(replicas=2), config(A="2"), interactive=True)
    assert plan_of(first)["Deployment/web"] == "unchanged"
    assert plan_of(second)["Deployment/web"] == "update"
    assert first.plan_hash != second.plan_hash


def test_the_hash_ignores_status_and_marks(app: Application, dana: Actor, cluster: World) -> None:
    bring(dana, app, deployment(replicas=2))
    first = bring(dana, app, deployment(replicas=3), interactive=True)
    ref = next(r for r in cluster.objects if r.kind == "Deployment")
    body = cluster.objects[ref].body
    body["status"] = {"readyReplicas": 0}
    body["metadata"]["resourceVersion"] = "77"
    second = bring(dana, app, deployment(replicas=3), interactive=True)
    assert first.plan_hash == second.plan_hash


def test_degraded_health_is_kept_and_said(app: Application, dana: Actor, cluster: World) -> None:
    broken = deployment(stuck=True)
    change = bring(dana, app, broken)
    app.refresh_from_db()
    assert app.health == "Degraded"
    assert "Deployment web: " in app.health_message
    assert change.state != State.SUCCEEDED


def test_a_directory_that_renders_to_nothing_removes_nothing(
    app: Application, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment())
    before = cluster.names()
    change = propose_directory(
        dana, app, {"fake.yaml": b"documents: []\n"}, verb="thing.apply", title="x", origin="page",
        interactive=False,
    )  # fmt: skip
    change = run_until_settled(change)
    assert change.state == State.REFUSED
    assert "renders to nothing; an empty source removes nothing" in change.reason
    assert cluster.names() == before


def test_a_permanent_refusal_while_planning_is_the_changes_reason(
    app: Application, dana: Actor, cluster: World
) -> None:
    bring(dana, app, deployment())

    def refuse(verb: str, ref: ObjectRef) -> None:
        if verb == "dry-run":
            raise PermanentBackendError("Deployment web: exceeded quota: pods=10.")

    cluster.fault = refuse
    change = bring(dana, app, deployment(replicas=5))
    assert change.state == State.FAILED
    assert "exceeded quota" in change.reason
