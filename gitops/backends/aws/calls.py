"""The only door to boto3: clients with deadlines, an assumed role, and errors in our own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from gitops import naming
from gitops.backends.deadline import active, left
from idp.common.errors import (
    BackendError,
    Conflict,
    Denied,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)

CONNECT, READ, HURRIED = 3, 20, 5  # seconds; the last where a person waits
MAX_PAGES = 100
_RENEW = timedelta(minutes=5)  # an assumed role's keys are renewed so long before they end
_PREFIX = {"secretsmanager": "secretsmanager"}
# IAM's names of actions, where they differ from the operation's.
_ACTIONS = {
    "AssumeRole": "sts:AssumeRole",  # made on behalf of a call to any service
    "HeadBucket": "s3:ListBucket",
    "ListBuckets": "s3:ListAllMyBuckets",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
    "403",
    "Forbidden",
}
_BAD_KEYS = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "AuthFailure",
}
_BUSY = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "SlowDown",
    "RequestLimitExceeded",
    "PriorRequestNotComplete",
    "ServiceUnavailable",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "RequestTimeout",
    "503",
    "500",
}
_BUSY_STATUS = {429, 500, 502, 503, 504}
_UNSETTLED = {  # the account is still busy with an earlier call: wait and come again
    "QueueDeletedRecently": 60,
    "AWS.SimpleQueueService.QueueDeletedRecently": 60,
    "OperationAborted": 10,
    "ResourceInUseException": 3,
    "ConcurrentModification": 3,
    "ConcurrentModificationException": 3,
    "LimitExceededException": 10,
}
_EXISTS = {
    "BucketAlreadyExists",
    "EntityAlreadyExists",
    "ResourceExistsException",
    "QueueAlreadyExists",
    "QueueNameExists",
    "DeleteConflict",
    "BucketNotEmpty",
}
_GONE = {"404", "NotFound", "NotFoundException", "ResourceNotFoundException", "NoSuchEntity"}
_GONE |= {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


def error_code(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))


def is_gone(code: str) -> bool:
    return code in _GONE or code.startswith("NoSuch") or code.endswith("NotFoundError")


def action_of(service: str, operation: str) -> str:
    """IAM's name for what was tried: "s3:CreateBucket"."""
    return _ACTIONS.get(operation, f"{_PREFIX.get(service, service)}:{operation}")


def translate(account: str, service: str, exc: ClientError) -> BackendError:
    """An AWS error as the one of ours that callers act on."""
    code, action = error_code(exc), action_of(service, exc.operation_name)
    said = str(exc.response.get("Error", {}).get("Message", ""))[:500]
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED or code in _BAD_KEYS:
        return _denied(account, action, code, said)
    if code in _UNSETTLED:
        wait = _UNSETTLED[code]
        return TemporaryBackendError(f"{action} must wait: {said or code}", retry_after=wait)
    if code in _BUSY or status in _BUSY_STATUS:
        return TemporaryBackendError(
            f"Account {account} is busy ({action}: {code}).", retry_after=_retry_after(exc)
        )
    if is_gone(code):
        return NotFound(f"{action}: {said or 'it does not exist'} (account {account}).")
    if code in _EXISTS:
        return Conflict(f"{action}: {said or code} (account {account}).")
    return PermanentBackendError(f"{action} was refused by account {account}: {code}: {said}")


def _denied(account: str, action: str, code: str, said: str) -> Denied:
    if code in _BAD_KEYS:
        return Denied(
            f"Account {account} does not accept Slipway's credentials: {said}",
            fix="Enter valid keys for the account in the admin site, and test the connection.",
        )
    return Denied(
        f"Account {account} does not allow Slipway {action}: {said}",
        fix=f"Add {action} to the policy of the role or user that Slipway uses there.",
    )


def _retry_after(exc: ClientError) -> float:
    headers = exc.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return min(float(headers.get("retry-after", 2)), 300.0)
    except ValueError:
        return 2.0


def _unreachable(account: str, exc: BotoCoreError) -> BackendError:
    if isinstance(exc, NoCredentialsError):
        return Denied(
            f"Account {account} has no credentials.",
            fix="Enter access keys or a role for the account in the admin site.",
        )
    if isinstance(exc, ParamValidationError):
        return PermanentBackendError(f"Account {account} was asked for something invalid: {exc}")
    if isinstance(exc, (ConnectTimeoutError, ReadTimeoutError)):
        return TemporaryBackendError(f"Account {account} did not answer in time.", retry_after=2)
    if isinstance(exc, (EndpointConnectionError, BotoConnectionError, HTTPClientError)):
        return TemporaryBackendError(
            f"Account {account} cannot be reached: {exc}",
            fix="Check the endpoint and the network between Slipway and AWS.",
            retry_after=5,
        )
    return PermanentBackendError(f"Account {account} cannot be used: {exc}")


class Calls:
    """Calls to the services of one account and region."""

    def __init__(
        self,
        account: str,
        region: str,
        credentials: Mapping[str, str],
        role_arn: str = "",
        endpoint_url: str = "",
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.account, self.region, self.role_arn = account, region, role_arn
        self.endpoint_url = endpoint_url or None
        self.partition = naming.partition(region)
        self._credentials = dict(credentials)
        self._clock = clock
        self._clients: dict[tuple[str, bool], Any] = {}
        self._ends: datetime | None = None
        self._number = ""
        # boto3's clients may be shared between threads, its sessions may not.
        self._lock = Lock()

    def __call__(self, service: str, operation: str, **inputs: Any) -> Any:
        """One call, once; raises `BackendError` kinds. The caller's job decides about retries."""
        left(READ)
        try:
            return getattr(self.client(service), operation)(**inputs)
        except ClientError as exc:
            raise translate(self.account, service, exc) from exc
        except BotoCoreError as exc:
            raise _unreachable(self.account, exc) from exc

    def pages(self, service: str, operation: str, **inputs: Any) -> Iterator[Any]:
        """The pages of a list, at most MAX_PAGES."""
        try:
            paginator = self.client(service).get_paginator(operation)
            for _, page in zip(range(MAX_PAGES), paginator.paginate(**inputs), strict=False):
                yield page
                left(READ)
        except ClientError as exc:
            raise translate(self.account, service, exc) from exc
        except BotoCoreError as exc:
            raise _unreachable(self.account, exc) from exc

    def number(self) -> str:
        """The account's twelve digits."""
        if not self._number:
            self._number = str(self("sts", "get_caller_identity")["Account"])
        return self._number

    def client(self, service: str) -> Any:
        """A client of the service, made once and kept until the assumed role's keys end."""
        with self._lock:
            if self._ends is not None and self._clock() > self._ends - _RENEW:
                self._clients.clear()
                self._ends = None
            key = (service, active())  # boto3 keeps its time-outs with the client
            if key not in self._clients:
                make: Callable[..., Any] = self._session().client
                self._clients[key] = make(service, endpoint_url=self.endpoint_url, config=_config())
            return self._clients[key]

    def _session(self) -> boto3.session.Session:
        own = self._own_session()
        if not self.role_arn:
            return own
        sts = own.client("sts", endpoint_url=self.endpoint_url, config=_config())
        given = sts.assume_role(RoleArn=self.role_arn, RoleSessionName="slipway")["Credentials"]
        self._ends = min(self._ends or given["Expiration"], given["Expiration"])
        return boto3.session.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self.region,
        )

    def _own_session(self) -> boto3.session.Session:
        """With the account's own keys, or by what the process was started with (its role)."""
        return boto3.session.Session(
            aws_access_key_id=self._credentials.get("access_key_id") or None,
            aws_secret_access_key=self._credentials.get("secret_access_key") or None,
            aws_session_token=self._credentials.get("session_token") or None,
            region_name=self.region,
        )


def _config() -> Config:
    return Config(
        connect_timeout=CONNECT,
        read_timeout=HURRIED if active() else READ,
        retries={"total_max_attempts": 1},  # the job retries, with what the service asked for
        s3={"addressing_style": "path"},
        user_agent_extra="slipway",
    )
