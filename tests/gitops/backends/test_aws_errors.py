from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from gitops.backends import deadline
from gitops.backends.aws import AwsTarget
from gitops.backends.aws.calls import HURRIED, READ, action_of
from gitops.backends.base import AWS_API, ObjectRef
from idp.common.errors import (
    BackendError,
    Conflict,
    Denied,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)

KEYS = {"access_key_id": "test", "secret_access_key": "test"}
TABLE = ObjectRef(AWS_API, "Table", "orders")


@pytest.fixture
def target() -> AwsTarget:
    return AwsTarget("prod", "eu-central-1", KEYS)


def failing(target: AwsTarget, code: str, message: str = "", status: int = 400) -> None:
    stub = Stubber(target.calls.client("dynamodb"))
    stub.add_client_error("describe_table", code, message, http_status_code=status)
    stub.activate()


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("AccessDeniedException", Denied, "does not allow Slipway dynamodb:DescribeTable"),
        ("UnrecognizedClientException", Denied, "does not accept Slipway's credentials"),
        ("ThrottlingException", TemporaryBackendError, "is busy"),
        ("InternalServerError", TemporaryBackendError, "is busy"),
        ("ResourceInUseException", TemporaryBackendError, "must wait"),
        ("ValidationException", PermanentBackendError, "was refused by account prod: Validation"),
    ],
)
def test_errors_become_ours(
    target: AwsTarget, code: str, kind: type[BackendError], message: str
) -> None:
    failing(target, code, "because")
    with pytest.raises(kind, match=message):
        target.get(TABLE)


def test_denial_says_which_action_to_allow(target: AwsTarget) -> None:
    failing(target, "AccessDeniedException")
    with pytest.raises(Denied) as caught:
        target.get(TABLE)
    assert caught.value.fix.startswith("Add dynamodb:DescribeTable to the policy")


def test_throttling_says_when_to_come_again(target: AwsTarget) -> None:
    failing(target, "ThrottlingException")
    with pytest.raises(TemporaryBackendError) as caught:
        target.get(TABLE)
    assert caught.value.retry_after == 2


def test_any_server_error_is_temporary(target: AwsTarget) -> None:
    failing(target, "Weird", status=503)
    with pytest.raises(TemporaryBackendError):
        target.get(TABLE)


def test_what_does_not_exist_is_none(target: AwsTarget) -> None:
    failing(target, "ResourceNotFoundException")
    assert target.get(TABLE) is None


def raising(target: AwsTarget, error: Exception) -> None:
    def fail(**_: Any) -> None:
        raise error

    target.calls.client("dynamodb").meta.events.register_first("before-call", fail)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ConnectTimeoutError(endpoint_url="x"), TemporaryBackendError, "did not answer in time"),
        (ReadTimeoutError(endpoint_url="x"), TemporaryBackendError, "did not answer in time"),
        (NoCredentialsError(), Denied, "has no credentials"),
    ],
)
def test_silence_is_temporary_and_missing_keys_are_not(
    target: AwsTarget, error: Exception, kind: type[BackendError], message: str
) -> None:
    raising(target, error)
    with pytest.raises(kind, match=message):
        target.get(TABLE)


def test_an_invalid_call_is_permanent(target: AwsTarget) -> None:
    with pytest.raises(PermanentBackendError, match="asked for something invalid"):
        target.calls("dynamodb", "describe_table", TableNam="x")


def test_a_taken_bucket_name_is_a_conflict(target: AwsTarget) -> None:
    stub = Stubber(target.calls.client("s3"))
    stub.add_client_error("create_bucket", "BucketAlreadyExists", "taken", http_status_code=409)
    stub.activate()
    with pytest.raises(Conflict, match="another AWS account may hold the name"):
        target.kinds["Bucket"].create("exports", {}, {})


def test_a_bucket_that_may_not_be_read_is_a_conflict(target: AwsTarget) -> None:
    stub = Stubber(target.calls.client("s3"))
    stub.add_client_error("get_bucket_location", "AccessDenied", http_status_code=403)
    stub.activate()
    with pytest.raises(Conflict, match="is not ours to read"):
        target.get(ObjectRef(AWS_API, "Bucket", "exports"))


def test_gone_and_existing_are_named_errors(target: AwsTarget) -> None:
    stub = Stubber(target.calls.client("iam"))
    stub.add_client_error("delete_role", "NoSuchEntity", "no such role")
    stub.add_client_error("delete_role", "DeleteConflict", "still attached")
    stub.activate()
    with pytest.raises(NotFound, match="no such role"):
        target.calls("iam", "delete_role", RoleName="x")
    with pytest.raises(Conflict, match="still attached"):
        target.calls("iam", "delete_role", RoleName="x")


def test_the_connection_test_names_each_missing_right(target: AwsTarget) -> None:
    sts = Stubber(target.calls.client("sts"))
    sts.add_response(
        "get_caller_identity",
        {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/u", "UserId": "u"},
    )
    sts.activate()
    answers: dict[str, Any] = {
        "sqs": ("list_queues", {}),
        "sns": ("list_topics", {"Topics": []}),
        "dynamodb": ("list_tables", {"TableNames": []}),
        "secretsmanager": ("list_secrets", {"SecretList": []}),
    }
    for service, (operation, answer) in answers.items():
        stub = Stubber(target.calls.client(service))
        stub.add_response(operation, answer)
        stub.activate()
    s3 = Stubber(target.calls.client("s3"))
    s3.add_client_error("list_buckets", "AccessDenied", http_status_code=403)
    s3.activate()
    iam = Stubber(target.calls.client("iam"))
    iam.add_response("list_roles", {"Roles": []})
    iam.add_response("list_policies", {"Policies": []})
    iam.activate()
    findings = target.check()
    (bad,) = [finding for finding in findings if not finding.ok]
    assert bad.check == "s3: list buckets"
    assert "s3:ListAllMyBuckets" in bad.fix


def test_refused_credentials_end_the_connection_test(target: AwsTarget) -> None:
    stub = Stubber(target.calls.client("sts"))
    stub.add_client_error("get_caller_identity", "InvalidClientTokenId", "wrong")
    stub.activate()
    (finding,) = target.check()
    assert finding.check == "Credentials"
    assert "valid keys" in finding.fix


def test_a_role_that_may_not_be_assumed_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    target = AwsTarget("prod", "eu-central-1", KEYS, "arn:aws:iam::1:role/x")

    def refuse() -> None:
        error = {"Error": {"Code": "AccessDenied", "Message": "not you"}}
        raise ClientError(error, "AssumeRole")  # type: ignore[arg-type]

    monkeypatch.setattr(target.calls, "_session", refuse)
    with pytest.raises(Denied, match=r"AssumeRole: not you"):
        target.get(TABLE)


def test_actions_have_iams_names() -> None:
    assert action_of("s3", "ListObjectsV2") == "s3:ListBucket"
    assert action_of("sqs", "CreateQueue") == "sqs:CreateQueue"


def test_a_role_that_may_not_be_assumed_is_called_by_its_own_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = AwsTarget("prod", "eu-central-1", KEYS, "arn:aws:iam::123456789012:role/slipway")
    said = {"Error": {"Code": "AccessDenied", "Message": "not authorized"}}

    def refuse() -> None:
        raise ClientError(said, "AssumeRole")  # type: ignore[arg-type]  # the parts that are read

    monkeypatch.setattr(target.calls, "_session", refuse)
    with pytest.raises(Denied, match="does not allow Slipway sts:AssumeRole"):
        target.get(ObjectRef(AWS_API, "Queue", "jobs"))


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_arns_are_those_of_the_regions_partition(
    region: str, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = AwsTarget("prod", region, KEYS)
    target.calls._number = "123456789012"
    asked = []

    def call(service: str, operation: str, **inputs: Any) -> Any:
        asked.append(inputs)
        raise NotFound("it does not exist")

    monkeypatch.setattr(type(target.calls), "__call__", lambda _, *a, **k: call(*a, **k))
    for kind in ("Topic", "Policy"):
        assert target.get(ObjectRef(AWS_API, kind, "x")) is None
    assert asked == [
        {"TopicArn": f"arn:{partition}:sns:{region}:123456789012:x"},
        {"PolicyArn": f"arn:{partition}:iam::123456789012:policy/x"},
    ]


def test_no_call_is_begun_when_the_time_is_over(target: AwsTarget) -> None:
    failing(target, "ThrottlingException")
    with deadline.within(0), pytest.raises(deadline.OutOfTime):
        target.get(TABLE)
    with deadline.within(60):
        hurried = target.calls.client("dynamodb").meta.config
    assert hurried.read_timeout == HURRIED
    assert target.calls.client("dynamodb").meta.config.read_timeout == READ
