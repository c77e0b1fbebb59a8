"""IAM roles that a service account of the cluster may assume (IRSA), and managed policies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitops.backends.aws.calls import Calls
from gitops.backends.aws.kind import Found, Kind, from_list, stale_tags, tag_list
from idp.common.errors import Conflict, NotFound, PermanentBackendError

_OWNER = "slipway.dev/owner"
_VERSIONS = 5  # AWS keeps no more of a policy
_FIELDS = {
    "sid": "Sid",
    "effect": "Effect",
    "actions": "Action",
    "resources": "Resource",
    "conditions": "Condition",
}


def trust_policy(trust: Mapping[str, str]) -> dict[str, Any]:
    """Only the named service account may assume the role (IRSA's form)."""
    issuer = trust["issuer"].removeprefix("https://")
    subject = f"system:serviceaccount:{trust['namespace']}:{trust['serviceAccount']}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": trust["oidcProviderArn"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{issuer}:sub": subject, f"{issuer}:aud": "sts.amazonaws.com"}
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy_arn(calls: Calls, name: str) -> str:
    return f"arn:{calls.partition}:iam::{calls.number()}:policy/{name}"


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def statements_from(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """IAM's statements in our own letters; single values become lists."""
    found = []
    for each in _as_list(document.get("Statement", [])):
        ours = {mine: each[theirs] for mine, theirs in _FIELDS.items() if theirs in each}
        for key in ("actions", "resources"):
            if key in ours:
                ours[key] = _as_list(ours[key])
        found.append(ours)
    return found


def policy_document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {_FIELDS[key]: value for key, value in each.items() if key in _FIELDS}
            for each in statements
        ],
    }


class Role(Kind):
    kind, service = "Role", "iam"

    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        trust = dict(spec.get("trust", {}))
        missing = [
            key
            for key in ("oidcProviderArn", "issuer", "namespace", "serviceAccount")
            if not trust.get(key)
        ]
        if missing:
            raise PermanentBackendError(
                f"Role {name}: spec.trust lacks {', '.join(missing)}.",
                fix="Enter the OIDC provider and issuer of the cluster in the admin site.",
            )
        trust["issuer"] = trust["issuer"].removeprefix("https://")
        return {"trust": trust, "policies": sorted(spec.get("policies", []))}

    def find(self, name: str) -> Found | None:
        try:
            live = self.calls("iam", "get_role", RoleName=name)["Role"]
        except NotFound:
            return None
        spec: dict[str, Any] = {"trust": _trust_from(live["AssumeRolePolicyDocument"])}
        attached = self._attached(name)
        spec["policies"] = sorted(attached)
        tags = from_list(self.calls("iam", "list_role_tags", RoleName=name)["Tags"])
        return Found(
            live["RoleId"], spec, tags, {"ARN": live["Arn"]}, handle=live["Arn"], facts=attached
        )

    def _attached(self, name: str) -> dict[str, str]:
        return {
            policy["PolicyName"]: policy["PolicyArn"]
            for page in self.calls.pages("iam", "list_attached_role_policies", RoleName=name)
            for policy in page["AttachedPolicies"]
        }

    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        self.calls(
            "iam",
            "create_role",
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(trust_policy(spec["trust"])),
            Description="Made by Slipway",
            Tags=tag_list(tags),
        )

    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        if fresh := self.retag(found, tags):
            self.calls("iam", "tag_role", RoleName=name, Tags=tag_list(fresh))
        if stale := stale_tags(found.tags, tags):
            self.calls("iam", "untag_role", RoleName=name, TagKeys=stale)
        if spec["trust"] != found.spec["trust"]:
            text = json.dumps(trust_policy(spec["trust"]))
            self.calls("iam", "update_assume_role_policy", RoleName=name, PolicyDocument=text)
        for policy in sorted(set(spec["policies"]) - set(found.facts)):
            arn = policy_arn(self.calls, policy)
            self.calls("iam", "attach_role_policy", RoleName=name, PolicyArn=arn)
        for policy in sorted(set(found.facts) - set(spec["policies"])):
            self.calls("iam", "detach_role_policy", RoleName=name, PolicyArn=found.facts[policy])

    def remove(self, name: str, found: Found, *, purge: bool) -> None:
        for arn in found.facts.values():
            self.calls("iam", "detach_role_policy", RoleName=name, PolicyArn=arn)
        for page in self.calls.pages("iam", "list_role_policies", RoleName=name):
            for inline in page["PolicyNames"]:
                self.calls("iam", "delete_role_policy", RoleName=name, PolicyName=inline)
        self.calls("iam", "delete_role", RoleName=name)

    def names(self, prefix: str = "") -> Iterator[str]:
        for page in self.calls.pages("iam", "list_roles"):
            yield from (role["RoleName"] for role in page["Roles"])


def _trust_from(document: Mapping[str, Any]) -> dict[str, str]:
    """The trust of a role in our form; empty where it is of another form than ours."""
    try:
        (statement,) = document["Statement"]
        conditions = statement["Condition"]["StringEquals"]
        (key,) = [each for each in conditions if each.endswith(":sub")]
        _, _, namespace, account = conditions[key].split(":")
        return {
            "oidcProviderArn": statement["Principal"]["Federated"],
            "issuer": key.removesuffix(":sub"),
            "namespace": namespace,
            "serviceAccount": account,
        }
    except (KeyError, ValueError, TypeError):
        return {}


class Policy(Kind):
    kind, service = "Policy", "iam"

    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        given = [dict(each) for each in spec.get("statements", [])]
        if not given:
            raise PermanentBackendError(
                f"Policy {name} has no statements.", fix="Set spec.statements."
            )
        return {"statements": statements_from(policy_document(given))}

    def _arn(self, name: str) -> str:
        return policy_arn(self.calls, name)

    def find(self, name: str) -> Found | None:
        arn = self._arn(name)
        try:
            live = self.calls("iam", "get_policy", PolicyArn=arn)["Policy"]
            version = self.calls(
                "iam", "get_policy_version", PolicyArn=arn, VersionId=live["DefaultVersionId"]
            )
        except NotFound:
            return None
        document = version["PolicyVersion"]["Document"]
        tags = from_list(self.calls("iam", "list_policy_tags", PolicyArn=arn)["Tags"])
        spec = {"statements": statements_from(document)}
        return Found(live["PolicyId"], spec, tags, {"ARN": arn}, handle=arn)

    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        self.calls(
            "iam",
            "create_policy",
            PolicyName=name,
            PolicyDocument=json.dumps(policy_document(spec["statements"])),
            Description="Made by Slipway",
            Tags=tag_list(tags),
        )

    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        if fresh := self.retag(found, tags):
            self.calls("iam", "tag_policy", PolicyArn=found.handle, Tags=tag_list(fresh))
        if stale := stale_tags(found.tags, tags):
            self.calls("iam", "untag_policy", PolicyArn=found.handle, TagKeys=stale)
        if spec == found.spec:
            return
        spare = self._spare_versions(found.handle)
        if len(spare) + 1 >= _VERSIONS:
            self.calls("iam", "delete_policy_version", PolicyArn=found.handle, VersionId=spare[0])
        self.calls(
            "iam",
            "create_policy_version",
            PolicyArn=found.handle,
            PolicyDocument=json.dumps(policy_document(spec["statements"])),
            SetAsDefault=True,
        )

    def _spare_versions(self, arn: str) -> list[str]:
        """The versions that are not in force, oldest first."""
        pages = self.calls.pages("iam", "list_policy_versions", PolicyArn=arn)
        versions = [version for page in pages for version in page["Versions"]]
        spare = [each["VersionId"] for each in versions if not each["IsDefaultVersion"]]
        return sorted(spare, key=lambda each: int(each.removeprefix("v")))

    def remove(self, name: str, found: Found, *, purge: bool) -> None:
        self._detach(name, found)
        for version in self._spare_versions(found.handle):
            self.calls("iam", "delete_policy_version", PolicyArn=found.handle, VersionId=version)
        self.calls("iam", "delete_policy", PolicyArn=found.handle)

    def _detach(self, name: str, found: Found) -> None:
        for page in self.calls.pages("iam", "list_entities_for_policy", PolicyArn=found.handle):
            holders = [each["UserName"] for each in page.get("PolicyUsers", [])]
            holders += [each["GroupName"] for each in page.get("PolicyGroups", [])]
            for role in page.get("PolicyRoles", []):
                tags = self.calls("iam", "list_role_tags", RoleName=role["RoleName"])["Tags"]
                if from_list(tags).get(_OWNER) != found.tags.get(_OWNER):
                    holders.append(role["RoleName"])
                    continue
                self.calls(
                    "iam",
                    "detach_role_policy",
                    RoleName=role["RoleName"],
                    PolicyArn=found.handle,
                )
            if holders:
                raise Conflict(
                    f"Policy {name} is also attached to {', '.join(sorted(holders))}.",
                    fix="Detach it there by hand; Slipway did not attach it.",
                )

    def names(self, prefix: str = "") -> Iterator[str]:
        for page in self.calls.pages("iam", "list_policies", Scope="Local"):
            yield from (policy["PolicyName"] for policy in page["Policies"])
