from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops.backends.aws import AwsTarget
from gitops.backends.base import AWS_API, OWNER_LABEL, ObjectRef, ref_of
from idp.common.errors import (
    Conflict,
    Denied,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)
from tests.gitops.backends.contract import OWNER, TargetContract

KEYS = {"access_key_id": "test", "secret_access_key": "test"}
Aws = Callable[[str], Any]


@pytest.fixture
def target(moto_server: str) -> AwsTarget:
    return AwsTarget("local", "eu-central-1", KEYS, "", moto_server)


def doc(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": AWS_API,
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"project": "shop", "environment": "staging", "owner": "team-a"},
            "annotations": {
                "slipway.dev/expires-at": "2026-12-01T00:00:00Z",
                "slipway.dev/output-prefix": "EXPORTS_BUCKET",
            },
        },
        "spec": spec,
    }


class TestBuckets(TargetContract):
    def document(self, name: str = "thing") -> dict[str, Any]:
        return doc("Bucket", name, versioning=False, publicAccess=False, encryption="AES256")

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "spec": {**document["spec"], "versioning": True}}


class TestQueues(TargetContract):
    def document(self, name: str = "thing") -> dict[str, Any]:
        return doc("Queue", name, deadLetter={"maxReceives": 3})

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "spec": {"visibilityTimeout": 90}}


class TestTopics(TargetContract):
    def document(self, name: str = "thing") -> dict[str, Any]:
        return doc("Topic", name)

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "spec": {"subscriptions": [{"queue": "inbox"}]}}

    @pytest.fixture(autouse=True)
    def inbox(self, target: AwsTarget) -> None:
        target.apply(doc("Queue", "inbox"), owner=OWNER)


class TestTables(TargetContract):
    def document(self, name: str = "thing") -> dict[str, Any]:
        return doc("Table", name, key={"partition": "id", "sort": "at"}, attributes={"at": "N"})

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "spec": {**document["spec"], "ttl": "expires"}}


class TestSecretValues(TargetContract):
    def document(self, name: str = "thing") -> dict[str, Any]:
        return doc("SecretValue", name, ref="stripe@1", value="s3cret")

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "spec": {"ref": "stripe@2", "value": "other"}}


class TestPolicies(TargetContract):
    def document(self, name: str = "thing") -> dict[str, Any]:
        statement = {"effect": "Allow", "actions": ["s3:GetObject"], "resources": ["*"]}
        return doc("Policy", name, statements=[statement])

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        statement = {"effect": "Allow", "actions": ["s3:PutObject"], "resources": ["*"]}
        return {**document, "spec": {"statements": [statement]}}


TRUST = {
    "oidcProviderArn": "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/1",
    "issuer": "https://oidc.example/id/1",
    "namespace": OWNER,
    "serviceAccount": "workload",
}


class TestRoles(TargetContract):
    def document(self, name: str = "thing") -> dict[str, Any]:
        return doc("Role", name, trust=TRUST, policies=[])

    def edited(self, document: dict[str, Any]) -> dict[str, Any]:
        trust = {**TRUST, "serviceAccount": "other"}
        return {**document, "spec": {"trust": trust, "policies": []}}


def test_every_kind_shows_itself_as_it_was_planned(target: AwsTarget) -> None:
    target.apply(doc("Queue", "q"), owner=OWNER)
    for document in (
        doc("Bucket", "buck"),
        doc("Queue", "q2.fifo", fifo=True, deadLetter={"maxReceives": 2}),
        doc("Topic", "t", subscriptions=[{"queue": "q"}]),
        doc("Table", "d", key={"partition": "id"}, attributes={"id": "S", "x": "S"}, ttl="till"),
        TestSecretValues().document("s"),
        TestPolicies().document("p"),
        doc("Role", "r", trust=TRUST, policies=["p"]),
    ):
        planned = target.apply(document, owner=OWNER, change="7", dry_run=True)
        made = target.apply(document, owner=OWNER, change="7")
        assert made.body["spec"] == planned.body["spec"], document["kind"]
        assert made.body["metadata"]["labels"] == planned.body["metadata"]["labels"]
        assert made.body["metadata"]["annotations"] == planned.body["metadata"]["annotations"]
        again = target.apply(document, owner=OWNER, change="7", dry_run=True)
        assert again.body == made.body


def test_a_bucket_is_closed_encrypted_tagged_and_tells_its_outputs(
    target: AwsTarget, aws: Aws
) -> None:
    made = target.apply(doc("Bucket", "exports", versioning=True), owner=OWNER, change="7")
    s3 = aws("s3")
    tags = {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket="exports")["TagSet"]}
    assert tags == {
        "project": "shop",
        "environment": "staging",
        "owner": "team-a",
        "expires-at": "2026-12-01T00:00:00Z",
        "managed-by": "slipway",
        "slipway.dev/owner": OWNER,
        "slipway.dev/change": "7",
        "slipway.dev/output-prefix": "EXPORTS_BUCKET",
    }
    block = s3.get_public_access_block(Bucket="exports")["PublicAccessBlockConfiguration"]
    assert all(block.values())
    assert s3.get_bucket_versioning(Bucket="exports")["Status"] == "Enabled"
    assert made.outputs == {
        "NAME": "exports",
        "ARN": "arn:aws:s3:::exports",
        "REGION": "eu-central-1",
    }


def test_a_foreign_bucket_is_refused_and_left_as_it_is(target: AwsTarget, aws: Aws) -> None:
    place = {"LocationConstraint": "eu-central-1"}
    aws("s3").create_bucket(Bucket="exports", CreateBucketConfiguration=place)
    with pytest.raises(Conflict, match="Bucket exports exists in account local already, and Sli"):
        target.apply(doc("Bucket", "exports"), owner=OWNER)
    with pytest.raises(Conflict, match="Slipway did not make it"):
        target.delete(ObjectRef(AWS_API, "Bucket", "exports"), owner=OWNER, purge=True)
    assert target.list(AWS_API, "Bucket", labels={OWNER_LABEL: OWNER}) == []


def test_a_list_by_prefix_neither_reads_nor_misses_what_others_hold(
    target: AwsTarget, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [
        doc("Bucket", f"{OWNER}-x"),
        doc("Queue", f"{OWNER}-x"),
        doc("Topic", f"{OWNER}-x"),
        doc("Table", f"{OWNER}-x", key={"partition": "id"}),
        TestSecretValues().document(f"{OWNER}-x"),
        TestPolicies().document(f"{OWNER}-x"),
        TestRoles().document(f"{OWNER}-x"),
    ]
    for document in documents:
        target.apply(document, owner=OWNER)
    place = {"LocationConstraint": "eu-central-1"}
    aws("s3").create_bucket(Bucket="a-foreign-one", CreateBucketConfiguration=place)
    aws("iam").create_role(RoleName="foreign", AssumeRolePolicyDocument="{}")
    read = target.kinds["Bucket"].find

    def find(name: str) -> Any:
        if name == "a-foreign-one":
            raise Denied("Account local does not allow Slipway s3:GetBucketLocation.")
        return read(name)

    monkeypatch.setattr(target.kinds["Bucket"], "find", find)
    for document in documents:
        mark = {OWNER_LABEL: OWNER}
        found = target.list(AWS_API, document["kind"], labels=mark, prefix=f"{OWNER}-")
        assert [live.ref.name for live in found] == [f"{OWNER}-x"], document["kind"]


def test_a_role_that_goes_while_it_is_read_is_not_there(
    target: AwsTarget, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.apply(TestRoles().document(f"{OWNER}-x"), owner=OWNER)

    def attached(name: str) -> dict[str, str]:
        aws("iam").delete_role(RoleName=name)
        raise NotFound(f"The role {name} cannot be found.")

    monkeypatch.setattr(target.kinds["Role"], "_attached", attached)
    assert target.list(AWS_API, "Role", prefix=OWNER) == []


def test_more_than_a_thousand_queues_are_all_listed(target: AwsTarget, aws: Aws) -> None:
    for number in range(1_001):
        aws("sqs").create_queue(QueueName=f"{OWNER}-{number}")
    assert len(list(target.kinds["Queue"].names(OWNER))) == 1_001


def test_an_unmarked_bucket_made_since_the_intent_is_finished(target: AwsTarget, aws: Aws) -> None:
    place = {"LocationConstraint": "eu-central-1"}
    aws("s3").create_bucket(Bucket="exports", CreateBucketConfiguration=place)
    now = datetime.now(UTC)
    with pytest.raises(Conflict):
        target.apply(doc("Bucket", "exports"), owner=OWNER, intended_at=now + timedelta(minutes=10))
    made = target.apply(doc("Bucket", "exports"), owner=OWNER, intended_at=now)
    assert made.body["metadata"]["labels"][OWNER_LABEL] == OWNER


def test_a_full_bucket_goes_only_when_purged(target: AwsTarget, aws: Aws) -> None:
    made = target.apply(doc("Bucket", "exports", versioning=True), owner=OWNER)
    for _ in range(2):
        aws("s3").put_object(Bucket="exports", Key="a", Body=b"x" * 1500)
    aws("s3").delete_object(Bucket="exports", Key="a")
    assert target.contents(made.ref).sentence == "3 objects, 3 kB"
    with pytest.raises(Conflict, match="Bucket exports is not empty: it holds 3 objects, 3 kB"):
        target.delete(made.ref, owner=OWNER)
    target.delete(made.ref, owner=OWNER, purge=True)
    assert target.get(made.ref) is None


def test_expiry_that_was_lifted_is_untagged_and_foreign_tags_stay(
    target: AwsTarget, aws: Aws
) -> None:
    made = target.apply(doc("Queue", "jobs"), owner=OWNER)
    aws("sqs").tag_queue(QueueUrl=made.outputs["URL"], Tags={"cost-centre": "12"})
    document = doc("Queue", "jobs")
    del document["metadata"]["annotations"]["slipway.dev/expires-at"]
    target.apply(document, owner=OWNER)
    tags = aws("sqs").list_queue_tags(QueueUrl=made.outputs["URL"])["Tags"]
    assert "expires-at" not in tags
    assert tags["cost-centre"] == "12"


def test_a_queue_counts_and_keeps_its_messages(target: AwsTarget, aws: Aws) -> None:
    made = target.apply(doc("Queue", "jobs", deadLetter={"maxReceives": 3}), owner=OWNER)
    aws("sqs").send_message(QueueUrl=made.outputs["URL"], MessageBody="one")
    assert target.contents(made.ref).sentence == "1 message"
    with pytest.raises(Conflict, match="Queue jobs is not empty: it holds 1 message"):
        target.delete(made.ref, owner=OWNER)
    target.delete(made.ref, owner=OWNER, purge=True)
    assert aws("sqs").list_queues().get("QueueUrls", []) == []


def test_a_queue_that_was_declared_under_a_dead_letter_name_is_nobody_elses(
    target: AwsTarget, aws: Aws
) -> None:
    target.apply(doc("Queue", "jobs-dead"), owner=OWNER)
    with pytest.raises(Conflict, match="Queue jobs-dead exists already, and it does not hold"):
        target.apply(doc("Queue", "jobs", deadLetter={"maxReceives": 3}), owner=OWNER)
    target.apply(doc("Queue", "jobs"), owner=OWNER)
    found = target.list(AWS_API, "Queue", labels={OWNER_LABEL: OWNER})
    assert {live.ref.name for live in found} == {"jobs", "jobs-dead"}
    target.delete(ObjectRef(AWS_API, "Queue", "jobs"), owner=OWNER)
    assert target.get(ObjectRef(AWS_API, "Queue", "jobs-dead")) is not None


def test_a_dead_letter_queue_goes_with_its_queue_and_is_no_other(
    target: AwsTarget, aws: Aws
) -> None:
    made = target.apply(doc("Queue", "jobs", deadLetter={"maxReceives": 3}), owner=OWNER)
    with pytest.raises(Conflict, match="Queue jobs-dead holds the dead letters of queue jobs"):
        target.apply(doc("Queue", "jobs-dead"), owner=OWNER)
    target.apply(doc("Queue", "jobs"), owner=OWNER)  # without: what failed before is still there
    dead = made.outputs["URL"] + "-dead"
    aws("sqs").send_message(QueueUrl=dead, MessageBody="one")
    assert target.contents(made.ref).sentence == "0 messages, 1 in its dead-letter queue"
    found = target.list(AWS_API, "Queue", labels={OWNER_LABEL: OWNER})
    assert [live.ref.name for live in found] == ["jobs"]
    target.delete(made.ref, owner=OWNER, purge=True)
    assert aws("sqs").list_queues().get("QueueUrls", []) == []


def test_names_of_fifo_queues_and_topics_say_so(target: AwsTarget) -> None:
    for kind in ("Queue", "Topic"):
        with pytest.raises(PermanentBackendError, match=r"only theirs, end with \.fifo"):
            target.apply(doc(kind, "jobs", fifo=True), owner=OWNER)


def test_a_topic_reaches_its_queue(target: AwsTarget, aws: Aws) -> None:
    queue = target.apply(doc("Queue", "inbox"), owner=OWNER)
    topic = target.apply(doc("Topic", "news", subscriptions=[{"queue": "inbox"}]), owner=OWNER)
    aws("sns").publish(TopicArn=topic.outputs["ARN"], Message="hello")
    received = aws("sqs").receive_message(QueueUrl=queue.outputs["URL"])["Messages"]
    assert received[0]["Body"] == "hello"
    policy = aws("sqs").get_queue_attributes(
        QueueUrl=queue.outputs["URL"], AttributeNames=["Policy"]
    )["Attributes"]["Policy"]
    statement = json.loads(policy)["Statement"][0]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": topic.outputs["ARN"]}}


def test_a_topic_names_the_queue_that_is_missing(target: AwsTarget) -> None:
    with pytest.raises(NotFound, match="Topic news: queue inbox, which it should reach"):
        target.apply(doc("Topic", "news", subscriptions=[{"queue": "inbox"}]), owner=OWNER)


def test_a_table_with_items_goes_only_when_purged(target: AwsTarget, aws: Aws) -> None:
    made = target.apply(doc("Table", "orders", key={"partition": "id"}), owner=OWNER)
    aws("dynamodb").put_item(TableName="orders", Item={"id": {"S": "1"}})
    assert target.contents(made.ref).sentence == "1 item"
    with pytest.raises(Conflict, match="Table orders is not empty: it holds 1 item"):
        target.delete(made.ref, owner=OWNER)
    target.delete(made.ref, owner=OWNER, purge=True)
    assert target.get(made.ref) is None


def test_a_tables_key_cannot_be_changed(target: AwsTarget) -> None:
    target.apply(doc("Table", "orders", key={"partition": "id"}), owner=OWNER)
    with pytest.raises(PermanentBackendError, match=r"Table orders: spec\.key cannot be changed"):
        target.apply(doc("Table", "orders", key={"partition": "other"}), owner=OWNER)
    with pytest.raises(PermanentBackendError, match="cannot be of type “text”"):
        target.apply(
            doc("Table", "t", key={"partition": "id"}, attributes={"id": "text"}), owner=OWNER
        )


def test_a_secret_is_written_once_a_version_and_never_shown(target: AwsTarget, aws: Aws) -> None:
    document = doc("SecretValue", "stripe", ref="stripe@1", value="first")
    made = target.apply(document, owner=OWNER)
    assert "first" not in repr(made)
    target.apply(doc("SecretValue", "stripe", ref="stripe@1"), owner=OWNER)
    target.apply(doc("SecretValue", "stripe", ref="stripe@2", value="second"), owner=OWNER)
    assert aws("secretsmanager").get_secret_value(SecretId="stripe")["SecretString"] == "second"
    with pytest.raises(PermanentBackendError, match="the value of stripe@3 was not handed over"):
        target.apply(doc("SecretValue", "stripe", ref="stripe@3"), owner=OWNER)


def test_a_role_trusts_one_service_account_and_holds_its_policies(
    target: AwsTarget, aws: Aws
) -> None:
    target.apply(TestPolicies().document("access"), owner=OWNER)
    target.apply(doc("Role", "workload", trust=TRUST, policies=["access"]), owner=OWNER)
    role = aws("iam").get_role(RoleName="workload")["Role"]
    conditions = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
    assert conditions["oidc.example/id/1:sub"] == f"system:serviceaccount:{OWNER}:workload"
    attached = aws("iam").list_attached_role_policies(RoleName="workload")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["access"]
    target.apply(doc("Role", "workload", trust=TRUST, policies=[]), owner=OWNER)
    after = aws("iam").list_attached_role_policies(RoleName="workload")["AttachedPolicies"]
    assert after == []


def test_a_role_without_a_provider_says_what_is_missing(target: AwsTarget) -> None:
    with pytest.raises(PermanentBackendError, match=r"spec\.trust lacks oidcProviderArn, issuer"):
        target.apply(doc("Role", "w", trust={"namespace": "n", "serviceAccount": "s"}), owner=OWNER)


def test_a_policy_rotates_its_versions(target: AwsTarget, aws: Aws) -> None:
    for number in range(8):
        statement = {"effect": "Allow", "actions": [f"s3:Get{number}"], "resources": ["*"]}
        made = target.apply(doc("Policy", "access", statements=[statement]), owner=OWNER)
    versions = aws("iam").list_policy_versions(PolicyArn=made.outputs["ARN"])["Versions"]
    assert len(versions) == 5
    assert made.body["spec"]["statements"][0]["actions"] == ["s3:Get7"]


def test_a_policy_that_somebody_else_attached_stays(target: AwsTarget, aws: Aws) -> None:
    made = target.apply(TestPolicies().document("access"), owner=OWNER)
    aws("iam").create_role(RoleName="admin", AssumeRolePolicyDocument="{}")
    aws("iam").attach_role_policy(RoleName="admin", PolicyArn=made.outputs["ARN"])
    with pytest.raises(Conflict, match="Policy access is also attached to admin"):
        target.delete(made.ref, owner=OWNER)


@pytest.mark.loopback
def test_an_unreachable_endpoint_is_temporary() -> None:
    target = AwsTarget("gone", "eu-central-1", KEYS, "", "http://127.0.0.1:1")
    with pytest.raises(TemporaryBackendError, match="Account gone cannot be reached"):
        target.get(ref_of(doc("Bucket", "exports")))
    (finding,) = target.check()
    assert not finding.ok
    assert "network" in finding.fix


def test_an_assumed_role_is_used_for_every_call(moto_server: str) -> None:
    arn = "arn:aws:iam::210987654321:role/slipway"
    target = AwsTarget("local", "eu-central-1", KEYS, arn, moto_server)
    assert target.calls.number() == "210987654321"
    assert all(finding.ok for finding in target.check())
