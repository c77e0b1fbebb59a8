"""Registered clusters and accounts: what may be registered, and whether it can be reached."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from gitops import targets
from gitops.backends import deadline
from gitops.backends.base import Finding
from gitops.backends.kubernetes import config
from gitops.models import CloudAccount, Cluster
from idp.common.errors import FieldError, Invalid, PermanentBackendError, SlipwayError
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Tier

TEST_SECONDS = 20  # a person waits for it
_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,128}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


def _wrong(field: str, rule: str, message: str, fix: str = "") -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, rule, message, fix)])


def check_kubeconfig(text: str) -> None:
    """Refuse what a target could not use: the same judge reads the kubeconfig before each use."""
    try:
        config.client(text)
    except PermanentBackendError as error:
        raise _wrong("kubeconfig", "usable", error.message, error.fix) from error


def check_cluster(cluster: Cluster) -> None:
    """Raise `Invalid` for a cluster that could not work."""
    _check_tiers(cluster.tiers)
    if cluster.backend == Cluster.Backend.KUBERNETES:
        if not cluster.kubeconfig:
            raise _wrong("kubeconfig", "required", "A Kubernetes cluster needs a kubeconfig.")
        check_kubeconfig(cluster.kubeconfig)
    if bool(cluster.oidc_provider_arn) != bool(cluster.oidc_issuer):
        raise _wrong(
            "oidc_issuer", "together", "The OIDC provider's ARN and its issuer go together."
        )
    pulls = cluster.pull_secrets
    complete = isinstance(pulls, dict) and all(
        isinstance(entry, dict) and {"username", "password"} <= entry.keys()
        for entry in pulls.values()
    )
    if not complete:
        raise _wrong(
            "pull_secrets",
            "format",
            "Pull secrets are a map: registry → {username, password}.",
        )


def check_account(account: CloudAccount) -> None:
    """Raise `Invalid` for a cloud account that could not work."""
    _check_tiers(account.tiers)
    if not _REGION.fullmatch(account.region):
        raise _wrong("region", "format", f"“{account.region}” is no region.", "Like eu-central-1.")
    if account.role_arn and not _ARN.fullmatch(account.role_arn):
        raise _wrong("role_arn", "format", "It is not the ARN of an IAM role.")
    wanted = {"access_key_id", "secret_access_key"}
    if account.credentials and not wanted <= account.credentials.keys():
        raise _wrong(
            "credentials", "format", "Credentials need access_key_id and secret_access_key."
        )
    if account.endpoint_url and not account.endpoint_url.startswith(("http://", "https://")):
        raise _wrong("endpoint_url", "format", "An endpoint begins with http:// or https://.")


def _check_tiers(tiers: Any) -> None:
    if not isinstance(tiers, list) or not set(tiers) <= set(Tier.values):
        raise _wrong("tiers", "choices", f"Tiers are a list of {', '.join(Tier.values)}.")


def test_cluster(actor: Actor, cluster: Cluster) -> list[Finding]:
    """Try the connection, keep and return the findings; needs `cluster.manage`, audited."""
    require(actor, "cluster.manage", cluster)
    return _test(actor, cluster, "cluster.test")


def test_account(actor: Actor, account: CloudAccount) -> list[Finding]:
    """Try the account, keep and return the findings; needs `account.manage`, audited."""
    require(actor, "account.manage", account)
    return _test(actor, account, "account.test")


def _test(actor: Actor, row: Cluster | CloudAccount, action: str) -> list[Finding]:
    try:
        with deadline.within(TEST_SECONDS):
            if isinstance(row, Cluster):
                found = targets.cluster_target(row).check()
            else:
                found = targets.cloud_target(row).check()
    except SlipwayError as error:
        found = [Finding("connection", False, error.message, error.fix)]
    kept = [asdict(finding) for finding in found]
    type(row)._default_manager.filter(pk=row.pk).update(
        checked_at=timezone.now(), check_result=kept
    )
    row.refresh_from_db(fields=["checked_at", "check_result"])
    bad = [finding.check for finding in found if not finding.ok]
    audit.record(actor, action, target=row, after={"failed": bad})
    return found
