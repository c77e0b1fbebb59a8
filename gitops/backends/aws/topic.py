"""SNS topics and the queues that receive from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gitops.backends.aws.kind import Found, Kind, from_list, immutable, stale_tags, tag_list
from idp.common.errors import NotFound, PermanentBackendError


class Topic(Kind):
    kind, service = "Topic", "sns"

    def wanted(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        fifo = bool(spec.get("fifo", False))
        if fifo != name.endswith(".fifo"):
            raise PermanentBackendError(
                f"Topic {name}: the names of FIFO topics, and only theirs, end with .fifo.",
                fix=f"Call it {name}.fifo, or leave out spec.fifo.",
            )
        queues = sorted({each["queue"] for each in spec.get("subscriptions", [])})
        return {"fifo": fifo, "subscriptions": [{"queue": queue} for queue in queues]}

    def _arn(self, name: str, service: str = "sns") -> str:
        place = f"{self.calls.region}:{self.calls.number()}"
        return f"arn:{self.calls.partition}:{service}:{place}:{name}"

    def find(self, name: str) -> Found | None:
        arn = self._arn(name)
        try:
            self.calls("sns", "get_topic_attributes", TopicArn=arn)
        except NotFound:
            return None
        tags = from_list(self.calls("sns", "list_tags_for_resource", ResourceArn=arn)["Tags"])
        subscribed = self._subscriptions(arn)
        queues = [{"queue": queue} for queue in sorted(subscribed)]
        spec = {"fifo": name.endswith(".fifo"), "subscriptions": queues}
        return Found(arn, spec, tags, {"ARN": arn}, handle=arn, facts=subscribed)

    def _subscriptions(self, arn: str) -> dict[str, str]:
        """Queue name → ARN of its subscription."""
        found = {}
        for page in self.calls.pages("sns", "list_subscriptions_by_topic", TopicArn=arn):
            for each in page["Subscriptions"]:
                if each["Protocol"] == "sqs":
                    found[each["Endpoint"].rsplit(":", 1)[-1]] = each["SubscriptionArn"]
        return found

    def create(self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        attributes = {"FifoTopic": "true"} if spec["fifo"] else {}
        self.calls("sns", "create_topic", Name=name, Attributes=attributes, Tags=tag_list(tags))

    def update(
        self, name: str, spec: Mapping[str, Any], tags: Mapping[str, str], found: Found
    ) -> None:
        if spec["fifo"] != found.spec["fifo"]:
            raise immutable(self.kind, name, "fifo")
        if fresh := self.retag(found, tags):
            self.calls("sns", "tag_resource", ResourceArn=found.handle, Tags=tag_list(fresh))
        if stale := stale_tags(found.tags, tags):
            self.calls("sns", "untag_resource", ResourceArn=found.handle, TagKeys=stale)
        wanted = {each["queue"] for each in spec["subscriptions"]}
        for queue in sorted(wanted - set(found.facts)):
            self._subscribe(found.handle, name, queue)
        for queue in sorted(set(found.facts) - wanted):
            self.calls("sns", "unsubscribe", SubscriptionArn=found.facts[queue])

    def _subscribe(self, arn: str, name: str, queue: str) -> None:
        try:
            url = self.calls("sqs", "get_queue_url", QueueName=queue)["QueueUrl"]
        except NotFound as exc:
            raise NotFound(
                f"Topic {name}: queue {queue}, which it should reach, does not exist.",
                fix="Create the queue first, or remove the subscription.",
            ) from exc
        self._allow(url, self._arn(queue, "sqs"), arn, name)
        self.calls(
            "sns",
            "subscribe",
            TopicArn=arn,
            Protocol="sqs",
            Endpoint=self._arn(queue, "sqs"),
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )

    def _allow(self, url: str, queue_arn: str, topic_arn: str, name: str) -> None:
        """Let the topic send to the queue: one statement of the queue's policy."""
        answer = self.calls("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["Policy"])
        policy = json.loads(answer.get("Attributes", {}).get("Policy") or "{}")
        sid = "Slipway" + "".join(filter(str.isalnum, name))
        statements = [each for each in policy.get("Statement", []) if each.get("Sid") != sid]
        statements.append(
            {
                "Sid": sid,
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
            }
        )
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.calls("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": text})

    def remove(self, name: str, found: Found, *, purge: bool) -> None:
        for subscription in found.facts.values():
            self.calls("sns", "unsubscribe", SubscriptionArn=subscription)
        self.calls("sns", "delete_topic", TopicArn=found.handle)

    def names(self, prefix: str = "") -> Iterator[str]:
        for page in self.calls.pages("sns", "list_topics"):
            yield from (topic["TopicArn"].rsplit(":", 1)[-1] for topic in page["Topics"])
