"""SQS queues, each with the dead-letter queue that it asks for (`NAME-dead`).

A tag on the dead-letter queue names the queue that it serves; a queue that somebody declared under
such a name carries none, and is never used, emptied or removed for another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gitops.backends.aws.kind import Found, Kind, immutable, stale_tags
from gitops.backends.base import OWNER_LABEL, Contents
from idp.common.errors import Conflict, NotFound, PermanentBackendError

_FIFO = ".fifo"
SERVES = "slipway.dev/dead-letters-of"  # the tag of a dead-letter queue
DEAD_RETENTION = 1_209_600  # seconds: the longest that SQS allows


def dead_name(name: str) -> str:
    return f"{name.removesuffix(_FIFO)}-dead{_FIFO * name.endswith(_FIFO)}"


class Queue(Kind):
    kind, service = "Queue", "sqs"

    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        fifo = bool(spec.get("fifo", False))
        if fifo != name.endswith(_FIFO):
            raise PermanentBackendError(
                f"Queue {name}: the names of FIFO queues, and only theirs, end with .fifo.",
                fix=f"Call it {name}.fifo, or leave out spec.fifo.",
            )
        full: dict[str, Any] = {
            "fifo": fifo,
            "visibilityTimeout": int(spec.get("visibilityTimeout", 30)),
            "retentionSeconds": int(spec.get("retentionSeconds", 345_600)),
        }
        if spec.get("deadLetter"):
            full["deadLetter"] = {"maxReceives": int(spec["deadLetter"].get("maxReceives", 5))}
        return full

    def _url(self, name: str) -> str | None:
        try:
            return str(self.calls("sqs", "get_queue_url", QueueName=name)["QueueUrl"])
        except NotFound:
            return None

    def _attributes(self, url: str) -> dict[str, str]:
        answer = self.calls("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        return dict(answer.get("Attributes", {}))

    def find(self, name: str) -> Found | None:
        url = self._url(name)
        if url is None:
            return None
        live = self._attributes(url)
        spec: dict[str, Any] = {
            "fifo": live.get("FifoQueue") == "true",
            "visibilityTimeout": int(live["VisibilityTimeout"]),
            "retentionSeconds": int(live["MessageRetentionPeriod"]),
        }
        if live.get("RedrivePolicy"):
            receives = int(json.loads(live["RedrivePolicy"])["maxReceiveCount"])
            spec["deadLetter"] = {"maxReceives": receives}
        tags = self.calls("sqs", "list_queue_tags", QueueUrl=url).get("Tags", {})
        uid = f"{live['QueueArn']}@{live.get('CreatedTimestamp', '')}"
        return Found(uid, spec, tags, {"URL": url, "ARN": live["QueueArn"]}, handle=url)

    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        attributes = {
            "VisibilityTimeout": str(spec["visibilityTimeout"]),
            "MessageRetentionPeriod": str(spec["retentionSeconds"]),
            "SqsManagedSseEnabled": "true",
        }
        if spec["fifo"]:
            attributes["FifoQueue"] = "true"
        self.calls("sqs", "create_queue", QueueName=name, Attributes=attributes, tags=dict(tags))

    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        if SERVES in found.tags:
            raise Conflict(
                f"Queue {name} holds the dead letters of queue {found.tags[SERVES]}.",
                fix="Choose another name.",
            )
        if spec["fifo"] != found.spec["fifo"]:
            raise immutable(self.kind, name, "fifo")
        self._tag(found.handle, found.tags, tags)
        changed = {}
        if spec["visibilityTimeout"] != found.spec["visibilityTimeout"]:
            changed["VisibilityTimeout"] = str(spec["visibilityTimeout"])
        if spec["retentionSeconds"] != found.spec["retentionSeconds"]:
            changed["MessageRetentionPeriod"] = str(spec["retentionSeconds"])
        if spec.get("deadLetter") != found.spec.get("deadLetter"):
            changed["RedrivePolicy"] = self._redrive(name, spec, tags)
        if changed:
            self.calls("sqs", "set_queue_attributes", QueueUrl=found.handle, Attributes=changed)

    def _tag(self, url: str, live: Mapping[str, str], tags: Mapping[str, str]) -> None:
        fresh = {key: value for key, value in tags.items() if live.get(key) != value}
        if fresh:
            self.calls("sqs", "tag_queue", QueueUrl=url, Tags=fresh)
        if stale := stale_tags(live, tags):
            self.calls("sqs", "untag_queue", QueueUrl=url, TagKeys=stale)

    def _redrive(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """The redrive policy; makes the dead-letter queue first."""
        if "deadLetter" not in spec:
            return ""
        dead = dead_name(name)
        url = self._url(dead)
        if url is None:
            self.create(
                dead,
                {"visibilityTimeout": 30, "retentionSeconds": DEAD_RETENTION, "fifo": spec["fifo"]},
                {**tags, SERVES: name},
            )
            url = self._url(dead) or ""
        elif not self._serves(url, name, tags):
            raise Conflict(
                f"Queue {dead} exists already, and it does not hold the dead letters of {name}.",
                fix="Rename one of the two, or leave out deadLetter.",
            )
        arn = self._attributes(url)["QueueArn"]
        return json.dumps(
            {"deadLetterTargetArn": arn, "maxReceiveCount": spec["deadLetter"]["maxReceives"]}
        )

    def _serves(self, url: str, name: str, tags: Mapping[str, str]) -> bool:
        """Whether the queue at `url` was made for the dead letters of `name`, by the same owner."""
        theirs = self.calls("sqs", "list_queue_tags", QueueUrl=url).get("Tags", {})
        return (theirs.get(SERVES), theirs.get(OWNER_LABEL)) == (name, tags.get(OWNER_LABEL))

    def _dead(self, name: str, found: Found) -> str | None:
        """The URL of the queue's own dead-letter queue; it stays when deadLetter is left out."""
        url = self._url(dead_name(name))
        return url if url and self._serves(url, name, found.tags) else None

    def contents(self, name: str, found: Found) -> Contents:
        waiting = self._messages(found.handle)
        dead = self._dead(name, found)
        failed = self._messages(dead) if dead else 0
        if not waiting + failed:
            return Contents(empty=True)
        parts = [f"{waiting:,} message{'s' * (waiting != 1)}"]
        if failed:
            parts.append(f"{failed:,} in its dead-letter queue")
        return Contents(empty=False, sentence=", ".join(parts))

    def _messages(self, url: str) -> int:
        live, prefix = self._attributes(url), "ApproximateNumberOfMessages"
        return sum(int(live.get(prefix + part, 0)) for part in ("", "NotVisible", "Delayed"))

    def remove(self, name: str, found: Found, *, purge: bool) -> None:
        dead = self._dead(name, found)
        if dead is not None:
            self._delete(dead)
        self._delete(found.handle)

    def _delete(self, url: str) -> None:
        try:
            self.calls("sqs", "delete_queue", QueueUrl=url)
        except NotFound:
            return

    def names(self, prefix: str = "") -> Iterator[str]:
        """Dead-letter queues are part of the queue they serve, as long as that is there."""
        # Without MaxResults SQS ends at 1,000 names and says nothing of the others.
        narrowed = {"QueueNamePrefix": prefix} if prefix else {}
        pages = self.calls.pages("sqs", "list_queues", MaxResults=1000, **narrowed)
        urls = {url.rsplit("/", 1)[-1]: url for page in pages for url in page.get("QueueUrls", [])}
        parts = {dead_name(name): name for name in urls}
        for name, url in urls.items():
            if name not in parts or not self._is_part(url, parts[name]):
                yield name

    def _is_part(self, url: str, name: str) -> bool:
        try:
            tags = self.calls("sqs", "list_queue_tags", QueueUrl=url).get("Tags", {})
        except NotFound:
            return True
        return bool(tags.get(SERVES) == name)
