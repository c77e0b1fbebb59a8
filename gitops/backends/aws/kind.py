"""What the module of one AWS kind provides, and the tags by which its resources are marked."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gitops.backends.aws.calls import Calls
from gitops.backends.base import (
    CHANGE_ANNOTATION,
    EXPIRES_ANNOTATION,
    MANAGED_LABEL,
    OWNER_LABEL,
    Contents,
    Document,
)
from idp.common.errors import PermanentBackendError

# Tags are called as people search for them; everything else keeps its own key.
_TAG_OF = {MANAGED_LABEL: "managed-by", EXPIRES_ANNOTATION: "expires-at"}
_KEY_OF = {tag: key for key, tag in _TAG_OF.items()}
_FORBIDDEN = re.compile(r"[^\w\s.:/=+\-@]")
MAX_TAG = 256


@dataclass(frozen=True)
class Found:
    """A resource as the account holds it. `state` is non-empty while AWS is busy with it."""

    uid: str
    spec: dict[str, Any]
    tags: Mapping[str, str]
    outputs: Mapping[str, str]
    handle: str = ""  # what calls name it by: its URL or ARN
    state: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def tags_of(document: Document) -> dict[str, str]:
    """A marked document's labels and our annotations, in the letters that AWS takes in tags."""
    metadata = document["metadata"]
    pairs = {**(metadata.get("labels") or {})}
    annotations = metadata.get("annotations") or {}
    pairs |= {key: annotations[key] for key in annotations if key.startswith("slipway.dev/")}
    return {
        _TAG_OF.get(key, key): _FORBIDDEN.sub("-", str(value))[:MAX_TAG]
        for key, value in pairs.items()
    }


def metadata_of(name: str, uid: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Tags back in the form of a document's metadata."""
    labels, annotations = {}, {}
    for tag, value in sorted(tags.items()):
        key = _KEY_OF.get(tag, tag)
        if key.startswith("slipway.dev/") and key != OWNER_LABEL:
            annotations[key] = value
        else:
            labels[key] = value
    return {"name": name, "uid": uid, "labels": labels, "annotations": annotations}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def from_list(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def stale_tags(live: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Tags of ours that the document no longer has; other people's tags stay."""
    ours = [t for t in live if t in _KEY_OF or t.startswith("slipway.dev/")]
    return sorted(t for t in ours if t not in wanted and t != CHANGE_ANNOTATION)


def immutable(kind: str, name: str, field_name: str) -> PermanentBackendError:
    return PermanentBackendError(
        f"{kind} {name}: spec.{field_name} cannot be changed after it was made.",
        fix="Give the resource another name, so that a new one is made beside it.",
    )


class Kind(ABC):
    """One kind of resource: find, create, update, remove. Calls raise `BackendError` kinds."""

    kind: ClassVar[str]
    service: ClassVar[str]

    def __init__(self, calls: Calls) -> None:
        self.calls = calls

    @abstractmethod
    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The spec with every field that we own spelled out, as `find` shows it; judges it."""

    @abstractmethod
    def find(self, name: str) -> Found | None:
        """The resource or None; `NotFound` where it goes while it is being read."""

    @abstractmethod
    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None: ...

    @abstractmethod
    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        """Make fields and tags hold; called after `create` as well, and again after a failure."""

    @abstractmethod
    def remove(self, name: str, found: Found, *, purge: bool) -> None: ...

    @abstractmethod
    def names(self, prefix: str = "") -> Iterator[str]:
        """Names of the kind in the account and region; AWS narrows them by `prefix` if it can."""

    def contents(self, name: str, found: Found) -> Contents:
        return Contents(empty=True)

    def retag(self, found: Found, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags to set; empty where they hold already."""
        return {key: value for key, value in tags.items() if found.tags.get(key) != value}
