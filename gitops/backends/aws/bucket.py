"""S3 buckets: encrypted, closed to the public, versioned where asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gitops.backends.aws.kind import Found, Kind, from_list, stale_tags, tag_list
from gitops.backends.base import Contents
from idp.common.errors import Conflict, Denied, NotFound, TemporaryBackendError

_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_COUNTED_PAGES = 10  # of 1,000 objects: beyond that a plan says "more than"
_PURGED_PAGES = 50  # a call; the job comes again for the rest
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def size_text(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < 1000:  # noqa: PLR2004 - decimal units
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.0f} {_UNITS[-1]}"


class Bucket(Kind):
    kind, service = "Bucket", "s3"

    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "versioning": bool(spec.get("versioning", False)),
            "publicAccess": bool(spec.get("publicAccess", False)),
            "encryption": spec.get("encryption", "AES256"),
        }

    def find(self, name: str) -> Found | None:
        try:
            region = self.calls("s3", "get_bucket_location", Bucket=name)["LocationConstraint"]
        except NotFound:
            return None
        except Denied as exc:
            raise self._taken(name) from exc
        arn = f"arn:{self.calls.partition}:s3:::{name}"
        outputs = {"NAME": name, "ARN": arn, "REGION": region or "us-east-1"}
        versioning = self.calls("s3", "get_bucket_versioning", Bucket=name).get("Status")
        spec = {
            "versioning": versioning == "Enabled",
            "publicAccess": not self._closed(name),
            "encryption": self._encryption(name),
        }
        return Found(arn, spec, self._tags(name), outputs)

    def _taken(self, name: str) -> Conflict:
        return Conflict(
            f"Bucket {name} exists and is not ours to read: another AWS account may hold the name,"
            " or Slipway lacks s3:GetBucketLocation.",
            fix="Choose another name, or allow s3:GetBucketLocation to Slipway's role.",
        )

    def created_at(self, name: str) -> datetime | None:
        for page in self.calls.pages("s3", "list_buckets", Prefix=name):
            for bucket in page.get("Buckets", []):
                if bucket["Name"] == name:
                    created: datetime = bucket["CreationDate"]
                    return created
        return None

    def _closed(self, name: str) -> bool:
        try:
            answer = self.calls("s3", "get_public_access_block", Bucket=name)
        except NotFound:
            return False
        block = answer["PublicAccessBlockConfiguration"]
        return all(block.get(key) for key in _BLOCKS)

    def _encryption(self, name: str) -> str:
        try:
            answer = self.calls("s3", "get_bucket_encryption", Bucket=name)
            rule = answer["ServerSideEncryptionConfiguration"]["Rules"][0]
        except NotFound:
            return ""
        return str(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"])

    def _tags(self, name: str) -> dict[str, str]:
        try:
            return from_list(self.calls("s3", "get_bucket_tagging", Bucket=name)["TagSet"])
        except NotFound:  # NoSuchTagSet
            return {}

    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        place: dict[str, Any] = {"Tags": tag_list(tags)}
        if self.calls.region != "us-east-1":
            place["LocationConstraint"] = self.calls.region
        try:
            self.calls("s3", "create_bucket", Bucket=name, CreateBucketConfiguration=place)
        except Conflict as exc:
            raise self._taken(name) from exc

    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        stale = stale_tags(found.tags, tags)
        if self.retag(found, tags) or stale:
            kept = {key: value for key, value in found.tags.items() if key not in stale}
            tagging = {"TagSet": tag_list({**kept, **tags})}
            self.calls("s3", "put_bucket_tagging", Bucket=name, Tagging=tagging)
        if spec["publicAccess"] != found.spec["publicAccess"]:
            block = dict.fromkeys(_BLOCKS, not spec["publicAccess"])
            self.calls(
                "s3",
                "put_public_access_block",
                Bucket=name,
                PublicAccessBlockConfiguration=block,
            )
        if spec["encryption"] != found.spec["encryption"]:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": spec["encryption"]}}
            rules = {"Rules": [rule]}
            self.calls(
                "s3", "put_bucket_encryption", Bucket=name, ServerSideEncryptionConfiguration=rules
            )
        if spec["versioning"] != found.spec["versioning"]:
            status = {"Status": "Enabled" if spec["versioning"] else "Suspended"}
            self.calls("s3", "put_bucket_versioning", Bucket=name, VersioningConfiguration=status)

    def contents(self, name: str, found: Found) -> Contents:
        count, size, more = 0, 0, False
        pages = self.calls.pages("s3", "list_object_versions", Bucket=name)
        for index, page in enumerate(pages):
            if index == _COUNTED_PAGES:
                more = True
                break
            versions = page.get("Versions", [])
            count += len(versions) + len(page.get("DeleteMarkers", []))
            size += sum(version["Size"] for version in versions)
        if not count:
            return Contents(empty=True)
        word = "object" if count == 1 else "objects"
        sentence = f"{'more than ' * more}{count:,} {word}, {size_text(size)}"
        return Contents(empty=False, sentence=sentence)

    def remove(self, name: str, found: Found, *, purge: bool) -> None:
        if purge:
            self._empty(name)
        try:
            self.calls("s3", "delete_bucket", Bucket=name)
        except NotFound:
            return
        except Conflict as exc:
            held = self.contents(name, found).sentence
            raise Conflict(
                f"Bucket {name} is not empty: it holds {held}.",
                fix="Choose “purge” to delete the contents too, or “retain” to keep the bucket.",
            ) from exc

    def _empty(self, name: str) -> None:
        for _ in range(_PURGED_PAGES):
            page = self.calls("s3", "list_object_versions", Bucket=name, MaxKeys=1000)
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not found:
                return
            keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            answer = self.calls(
                "s3", "delete_objects", Bucket=name, Delete={"Objects": keys, "Quiet": True}
            )
            for error in answer.get("Errors", [])[:1]:
                raise Denied(
                    f"Bucket {name}: “{error.get('Key')}” could not be deleted:"
                    f" {error.get('Message')}",
                    fix="Allow s3:DeleteObject and s3:DeleteObjectVersion to Slipway's role.",
                )
        raise TemporaryBackendError(f"Bucket {name} is still being emptied.", retry_after=1)

    def names(self, prefix: str = "") -> Iterator[str]:
        narrowed = {"Prefix": prefix} if prefix else {}
        for page in self.calls.pages("s3", "list_buckets", **narrowed):
            yield from (bucket["Name"] for bucket in page.get("Buckets", []))
