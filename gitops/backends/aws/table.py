"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.backends.aws.kind import Found, Kind, from_list, immutable, stale_tags, tag_list
from gitops.backends.base import Contents
from idp.common.errors import Conflict, NotFound, PermanentBackendError, TemporaryBackendError

_SETTLING = 3.0  # seconds until a table that is being made is looked at again
_TYPES = {"S", "N", "B"}


class Table(Kind):
    kind, service = "Table", "dynamodb"

    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        key = {part: value for part, value in spec.get("key", {}).items() if value}
        if not key.get("partition"):
            raise PermanentBackendError(
                f"Table {name} has no partition key.", fix="Set spec.key.partition."
            )
        types = spec.get("attributes", {})
        # DynamoDB refuses types for attributes that no key uses.
        attributes = {attribute: types.get(attribute, "S") for attribute in key.values()}
        for attribute, kind in attributes.items():
            if kind not in _TYPES:
                raise PermanentBackendError(
                    f"Table {name}: attribute {attribute} cannot be of type “{kind}”.",
                    fix="Use S (text), N (number) or B (bytes).",
                )
        full = {
            "key": key,
            "attributes": attributes,
            "billing": spec.get("billing", "PAY_PER_REQUEST"),
        }
        return {**full, "ttl": spec["ttl"]} if spec.get("ttl") else full

    def find(self, name: str) -> Found | None:
        try:
            live = self.calls("dynamodb", "describe_table", TableName=name)["Table"]
        except NotFound:
            return None
        parts = {"HASH": "partition", "RANGE": "sort"}
        key = {parts[each["KeyType"]]: each["AttributeName"] for each in live["KeySchema"]}
        types = {a["AttributeName"]: a["AttributeType"] for a in live["AttributeDefinitions"]}
        billing = live.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        spec: dict[str, Any] = {
            "key": key,
            "attributes": {each: types.get(each, "S") for each in key.values()},
            "billing": billing,
        }
        arn, state = live["TableArn"], live["TableStatus"]
        if state != "DELETING" and (ttl := self._ttl(name)):
            spec["ttl"] = ttl
        tags = self.calls("dynamodb", "list_tags_of_resource", ResourceArn=arn).get("Tags", [])
        return Found(
            str(live.get("TableId") or arn),
            spec,
            from_list(tags),
            {"NAME": name, "ARN": arn},
            handle=arn,
            state="" if state == "ACTIVE" else state,
        )

    def _ttl(self, name: str) -> str:
        answer = self.calls("dynamodb", "describe_time_to_live", TableName=name)
        described = answer.get("TimeToLiveDescription", {})
        on = described.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}
        return str(described.get("AttributeName", "")) if on else ""

    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        parts = {"partition": "HASH", "sort": "RANGE"}
        schema = [
            {"AttributeName": attribute, "KeyType": parts[part]}
            for part, attribute in spec["key"].items()
        ]
        types = [
            {"AttributeName": attribute, "AttributeType": kind}
            for attribute, kind in spec["attributes"].items()
        ]
        self.calls(
            "dynamodb",
            "create_table",
            TableName=name,
            KeySchema=sorted(schema, key=lambda each: each["KeyType"]),
            AttributeDefinitions=types,
            BillingMode="PAY_PER_REQUEST",
            Tags=tag_list(tags),
        )

    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        for field in ("key", "attributes", "billing"):
            if spec[field] != found.spec[field]:
                raise immutable(self.kind, name, field)
        if found.state:
            raise TemporaryBackendError(
                f"Table {name} is {found.state.lower()}; it is configured once that is done.",
                retry_after=_SETTLING,
            )
        if fresh := self.retag(found, tags):
            self.calls("dynamodb", "tag_resource", ResourceArn=found.handle, Tags=tag_list(fresh))
        if stale := stale_tags(found.tags, tags):
            self.calls("dynamodb", "untag_resource", ResourceArn=found.handle, TagKeys=stale)
        before, after = found.spec.get("ttl"), spec.get("ttl")
        if before != after:
            setting = {"Enabled": bool(after), "AttributeName": after or before}
            self.calls(
                "dynamodb", "update_time_to_live", TableName=name, TimeToLiveSpecification=setting
            )

    def contents(self, name: str, found: Found) -> Contents:
        if found.state == "DELETING":
            return Contents(empty=True)
        page = self.calls("dynamodb", "scan", TableName=name, Select="COUNT", Limit=1000)
        if not page["Count"]:
            return Contents(empty=True)
        live = self.calls("dynamodb", "describe_table", TableName=name)["Table"]
        # ItemCount is six hours old at times: the scan's own count is the floor.
        count = max(int(live.get("ItemCount", 0)), int(page["Count"]))
        about = "about " if page.get("LastEvaluatedKey") else ""
        sentence = f"{about}{count:,} item{'s' * (count != 1)}"
        return Contents(empty=False, sentence=sentence)

    def remove(self, name: str, found: Found, *, purge: bool) -> None:
        if found.state == "DELETING":
            return
        held = self.contents(name, found)
        if not held.empty and not purge:
            raise Conflict(
                f"Table {name} is not empty: it holds {held.sentence}.",
                fix="Choose “purge” to delete the items with it, or “retain” to keep the table.",
            )
        self.calls("dynamodb", "delete_table", TableName=name)

    def names(self, prefix: str = "") -> Iterator[str]:
        for page in self.calls.pages("dynamodb", "list_tables"):
            yield from page["TableNames"]
