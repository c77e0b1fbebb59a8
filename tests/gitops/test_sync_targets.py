"""The same syncs over the backends that ship: the simulated cluster and boto3 against moto."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from gitops import secrets, targets
from gitops.backends.base import ObjectRef
from gitops.models import Application, CloudAccount
from idp.changes.models import Change
from rbac.actors import Actor, system
from tests.gitops.factories import aws as document
from tests.gitops.factories import bring, drop, propose
from tests.support.changes import run_until_settled

Aws = Callable[[str], Any]
State = Change.State


@pytest.fixture(autouse=True)
def real(settings: Settings, moto_server: str, app: Application) -> None:
    settings.GITOPS_TARGETS = {
        "kubernetes": "gitops.backends.kubernetes.KubernetesTarget",
        "memory": "gitops.backends.memory.MemoryTarget",
        "aws": "gitops.backends.aws.AwsTarget",
    }
    targets._targets.clear()
    CloudAccount.objects.update(
        endpoint_url=moto_server,
        credentials={"access_key_id": "test", "secret_access_key": "test"},
    )


def web(replicas: int = 1) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "web"}
    container = {"name": "web", "image": "registry.example.org/web:1"}
    container["envFrom"] = [{"secretRef": {"name": "slipway-outputs"}}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {"testbed.slipway.dev/ready-after": "0s"},
                },
                "spec": {"containers": [container]},
            },
        },
    }


def resources() -> list[dict[str, Any]]:
    name = "{namespace}-workload"
    statement = {"effect": "Allow", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::x/*"]}
    trust = {
        "oidcProviderArn": "arn:aws:iam::123456789012:oidc-provider/oidc.example.org",
        "issuer": "https://oidc.example.org",
        "namespace": "{namespace}",
        "serviceAccount": "web",
    }
    return [
        document("Bucket", "exports", versioning=True, publicAccess=False, encryption="AES256"),
        document("Queue", "jobs", visibilityTimeout=60, deadLetter={"maxReceives": 3}),
        document("Topic", "news", subscriptions=[{"queue": "{namespace}-jobs"}]),
        document("Table", "orders", key={"partition": "id"}, attributes={"id": "S"}),
        document("Policy", "workload", statements=[statement]),
        document("Role", "workload", trust=trust, policies=[name]),
    ]


def test_made_seen_and_removed_without_a_trace(app: Application, dana: Actor, aws: Aws) -> None:
    change = bring(dana, app, web(), *resources())
    assert change.state == State.SUCCEEDED, change.reason
    name = f"{app.namespace}-exports"
    assert [b["Name"] for b in aws("s3").list_buckets()["Buckets"]] == [name]
    tags = {t["Key"]: t["Value"] for t in aws("s3").get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags["slipway.dev/owner"] == app.namespace
    target = targets.cluster_target(app.cluster)
    secret = target.get(ObjectRef("v1", "Secret", "slipway-outputs", app.namespace))
    assert secret is not None
    values = {k: base64.b64decode(v).decode() for k, v in secret.body["data"].items()}
    assert values["EXPORTS_BUCKET_NAME"] == name
    assert values["WORKLOAD_ROLE_ARN"].startswith("arn:aws:iam::")
    again = bring(dana, app, web(), *resources())
    assert again.state == State.SUCCEEDED
    assert "Nothing to do" in again.reason, [
        (a["kind"], a["fields"]) for a in again.plan["actions"] if a["verb"] != "unchanged"
    ]
    gone = run_until_settled(drop(dana, app))
    assert gone.state == State.SUCCEEDED, gone.reason
    assert aws("s3").list_buckets()["Buckets"] == []
    assert "QueueUrls" not in aws("sqs").list_queues()
    assert aws("dynamodb").list_tables()["TableNames"] == []
    assert aws("sns").list_topics()["Topics"] == []
    assert aws("iam").list_roles(PathPrefix="/")["Roles"] == []
    assert target.get(ObjectRef("v1", "Namespace", app.namespace)) is None
    assert not app.objects_made.exists()


def test_another_type_of_a_tables_key_makes_it_anew(app: Application, dana: Actor) -> None:
    bring(dana, app, document("Table", "orders", key={"partition": "id"}))
    numbers = document("Table", "orders", key={"partition": "id"}, attributes={"id": "N"})
    change = bring(dana, app, numbers)
    assert change.state == State.SUCCEEDED, change.reason
    (action,) = [a for a in change.plan["actions"] if a["verb"] != "unchanged"]
    assert (action["verb"], action["risk"]) == ("replace", "loses data")


def test_a_scale_is_one_field(app: Application, dana: Actor) -> None:
    bring(dana, app, web(1))
    change = bring(dana, app, web(3))
    assert change.state == State.SUCCEEDED, change.reason
    effective = [a for a in change.plan["actions"] if a["verb"] != "unchanged"]
    assert [(a["kind"], [f["path"] for f in a["fields"]]) for a in effective] == [
        ("Deployment", ["spec.replicas"])
    ]
    app.refresh_from_db()
    assert app.health == "Healthy"
    assert app.objects_made.get(kind="Deployment").status["ready"] == 3


def test_a_bucket_of_somebody_else_is_refused(app: Application, dana: Actor, aws: Aws) -> None:
    name = f"{app.namespace}-exports"
    aws("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    change = bring(dana, app, document("Bucket", "exports"))
    assert change.state == State.REFUSED
    assert f"Bucket {name} exists already and is not this environment's" in change.reason


def test_a_bucket_made_before_a_crash_and_not_marked_yet_is_finished(
    app: Application, dana: Actor, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    name = f"{app.namespace}-exports"
    change = propose(dana, app, document("Bucket", "exports"))

    def create(*_: object) -> None:
        aws("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("gitops.backends.aws.bucket.Bucket.create", create)
        with pytest.raises(Killed):
            run_until_settled(change)
    Change.objects.filter(pk=change.pk).update(lease_until=None)
    done = run_until_settled(change)
    assert done.state == State.SUCCEEDED, done.reason
    assert aws("s3").get_bucket_tagging(Bucket=name)["TagSet"]


def test_a_full_bucket_is_counted_and_purged_only_when_chosen(
    app: Application, dana: Actor, aws: Aws
) -> None:
    bring(dana, app, document("Bucket", "exports"))
    name = f"{app.namespace}-exports"
    aws("s3").put_object(Bucket=name, Key="a", Body=b"x" * 10)
    change = run_until_settled(drop(dana, app))
    assert change.state == State.READY
    loss = next(a["loss"] for a in change.plan["actions"] if a["kind"] == "Bucket")
    assert "1 object" in loss["sentence"]
    intent = {"choices": {f"aws/Bucket//{name}": "purge"}}
    done = run_until_settled(drop(dana, app, intent=intent))
    assert done.state == State.SUCCEEDED, done.reason
    assert aws("s3").list_buckets()["Buckets"] == []


def test_a_secret_value_is_brought_to_secrets_manager(
    app: Application, dana: Actor, aws: Aws
) -> None:
    secrets.put(system("tests"), app.scope, "stripe", "hunter2")
    change = bring(dana, app, document("SecretValue", "stripe", ref="stripe@1"))
    assert change.state == State.SUCCEEDED, change.reason
    held = aws("secretsmanager").get_secret_value(SecretId=f"{app.namespace}-stripe")
    assert held["SecretString"] == "hunter2"
    assert "hunter2" not in str(change.plan)
