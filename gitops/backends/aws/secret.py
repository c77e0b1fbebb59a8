"""Secrets Manager: a copy of a secret value; which version it is stands in a tag."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from gitops.backends.aws.kind import Found, Kind, from_list, stale_tags, tag_list
from idp.common.errors import NotFound, PermanentBackendError, TemporaryBackendError

_REF = "slipway.dev/ref"
_SPACE = uuid.UUID("5d3f6a52-8c0e-4a37-9b4f-2f6f0e0a7c11")


class SecretValue(Kind):
    kind, service = "SecretValue", "secretsmanager"

    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The reference alone: the value itself is shown to nobody."""
        if not spec.get("ref"):
            raise PermanentBackendError(
                f"SecretValue {name} names no value.", fix="Set spec.ref to NAME@VERSION."
            )
        return {"ref": spec["ref"]}

    def find(self, name: str) -> Found | None:
        try:
            live = self.calls("secretsmanager", "describe_secret", SecretId=name)
        except NotFound:
            return None
        if live.get("DeletedDate"):
            raise TemporaryBackendError(f"SecretValue {name} is being deleted.", retry_after=10)
        tags = from_list(live.get("Tags", []))
        ref = tags.pop(_REF, "")
        arn = live["ARN"]
        return Found(arn, {"ref": ref}, tags, {"ARN": arn}, handle=arn)

    def _value(self, name: str, spec: Mapping[str, Any]) -> str:
        if spec.get("value") is None:
            raise PermanentBackendError(
                f"SecretValue {name}: the value of {spec.get('ref')} was not handed over.",
                fix="Check that the secret has that version, and start the change again.",
            )
        return str(spec["value"])

    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        self.calls(
            "secretsmanager",
            "create_secret",
            Name=name,
            SecretString=self._value(name, spec),
            ClientRequestToken=str(uuid.uuid5(_SPACE, f"{name}:{spec['ref']}")),
            Tags=tag_list({**tags, _REF: spec["ref"]}),
        )

    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        fresh = self.retag(found, tags)
        if found.spec["ref"] != spec["ref"]:
            self.calls(
                "secretsmanager",
                "put_secret_value",
                SecretId=name,
                SecretString=self._value(name, spec),
            )
            fresh[_REF] = spec["ref"]  # last: until it holds, the value is written again
        if fresh:
            self.calls("secretsmanager", "tag_resource", SecretId=name, Tags=tag_list(fresh))
        if stale := stale_tags(found.tags, tags):
            self.calls("secretsmanager", "untag_resource", SecretId=name, TagKeys=stale)

    def remove(self, name: str, found: Found, *, purge: bool) -> None:
        """At once: the value itself stays with Slipway, and a name in recovery cannot be reused."""
        self.calls(
            "secretsmanager", "delete_secret", SecretId=name, ForceDeleteWithoutRecovery=True
        )

    def names(self, prefix: str = "") -> Iterator[str]:
        narrowed = {"Filters": [{"Key": "name", "Values": [prefix]}]} if prefix else {}
        for page in self.calls.pages("secretsmanager", "list_secrets", **narrowed):
            yield from (secret["Name"] for secret in page["SecretList"])
