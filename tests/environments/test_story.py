"""The main job, end to end: simulated cluster, AWS played by moto, checked by boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from environments import selectors, services
from environments.models import Environment
from gitops.models import CloudAccount, MemoryObject
from idp.changes.models import Change
from rbac.actors import Actor
from tests.environments.factories import IMAGE, bring, of, settle
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
RESOURCES = {
    "exports": {"kind": "Bucket"},
    "placed": {"kind": "Queue"},
    "sessions": {"kind": "Table"},
}


@pytest.fixture
def environment(
    dana: Actor, people: Characters, account: CloudAccount, aws: Callable[[str], Any]
) -> Environment:
    return bring(
        dana,
        people.project,
        blueprint="web-service-aws@1.0.0",
        account=account,
        resources=RESOURCES,
        parameters={"image": IMAGE},
    )


def test_bucket_queue_and_table_are_made_and_reach_the_workload(
    environment: Environment, aws: Callable[[str], Any]
) -> None:
    space = environment.application.namespace
    aws("s3").head_bucket(Bucket=f"{space}-exports")
    tags = aws("s3").get_bucket_tagging(Bucket=f"{space}-exports")["TagSet"]
    assert {"environment", "project", "owner"} <= {t["Key"].rpartition(":")[2] for t in tags}
    made = selectors.resources(environment, selectors.objects(environment))
    outputs = {name: value for row in made for name, value in row.outputs.items()}
    assert outputs["EXPORTS_BUCKET_NAME"] == f"{space}-exports"
    assert {"PLACED_QUEUE_URL", "SESSIONS_TABLE_ARN"} <= set(outputs)
    kinds = set(MemoryObject.objects.values_list("kind", "name"))
    assert ("Secret", "slipway-outputs") in kinds
    role = aws("iam").get_role(RoleName=f"{space}-workload")["Role"]
    assert f"{space}:workload" in str(role["AssumeRolePolicyDocument"])


def test_deleting_asks_about_what_holds_data_and_leaves_nothing(
    dana: Actor, environment: Environment, aws: Callable[[str], Any]
) -> None:
    space = environment.application.namespace
    aws("s3").put_object(Bucket=f"{space}-exports", Key="a", Body=b"data")
    change = run_until_settled(services.delete_environment(dana, environment))
    assert change.state == Change.State.READY
    (loss,) = [a for a in change.plan["actions"] if a["loss"]]
    assert "1" in loss["loss"]["sentence"]
    key = f"aws/Bucket//{space}-exports"
    change = settle(dana, change, **{key: "purge"})
    assert change.state == Change.State.SUCCEEDED, change.reason
    assert of(environment.scope).state == Environment.State.DELETED
    assert aws("s3").list_buckets()["Buckets"] == []
    assert "QueueUrls" not in aws("sqs").list_queues()
    assert aws("dynamodb").list_tables()["TableNames"] == []
    assert not MemoryObject.objects.exclude(kind__in=["Node", "Counter"]).exists()
