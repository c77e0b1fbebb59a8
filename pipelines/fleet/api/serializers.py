"""What REST takes and says of agents; the services judge what is given."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from idp.common.inputs import Strict
from pipelines.fleet import selectors
from pipelines.fleet.models import MAX_NAME, Agent
from pipelines.fleet.services import MAX_SLOTS, MAX_TAGS


class AgentOut(serializers.ModelSerializer):
    """An agent; its token is told once, when it is made or rotated."""

    project = serializers.CharField(
        source="project.name", allow_null=True, help_text="null: all that its owner manages"
    )
    owner = serializers.CharField(source="owner.username")
    cluster = serializers.CharField(source="cluster.name", allow_null=True)
    kind = serializers.CharField(help_text=", ".join(Agent.Kind.values))
    state = serializers.SerializerMethodField(help_text="online, offline, paused or new")
    tags = serializers.ListField(child=serializers.CharField())
    running = serializers.IntegerField(help_text="Jobs that it runs now", default=0)

    class Meta:
        model = Agent
        fields: tuple[str, ...] = (
            "id", "name", "kind", "state", "project", "owner", "description", "tags", "slots",
            "ignores_images", "paused", "running", "version", "address", "seen_at", "token_until",
            "warning", "warned_at", "created_at", "cluster", "namespace", "agent_image",
            "job_image", "cpu", "memory",
        )  # fmt: skip

    def get_state(self, row: Agent) -> str:
        return selectors.state(row)


class AgentMade(AgentOut):
    """The same with the token, which is told this once."""

    token = serializers.SerializerMethodField()

    class Meta(AgentOut.Meta):
        fields = (*AgentOut.Meta.fields, "token")

    def get_token(self, _: Agent) -> str:
        return str(self.context["token"])


class AgentChangeIn(Strict):
    """What can be changed; name, project and kind stay."""

    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    tags: Any = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=MAX_TAGS
    )
    slots = serializers.IntegerField(
        min_value=1, max_value=MAX_SLOTS, required=False, help_text="Jobs at once"
    )
    ignores_images = serializers.BooleanField(
        required=False, help_text="Jobs that name an image run in the machine's shell"
    )
    paused = serializers.BooleanField(required=False, help_text="It takes no further job")
    namespace = serializers.CharField(max_length=63, required=False, help_text="Of its cluster")
    agent_image = serializers.CharField(
        max_length=300, required=False, help_text="The image that brings the agent into each pod"
    )
    job_image = serializers.CharField(
        max_length=300, required=False, allow_blank=True, help_text="Of jobs that name none"
    )
    cpu = serializers.CharField(max_length=20, required=False, allow_blank=True)
    memory = serializers.CharField(max_length=20, required=False, allow_blank=True)


class AgentIn(AgentChangeIn):
    name = serializers.CharField(max_length=MAX_NAME)
    project = serializers.CharField(
        max_length=40, required=False, help_text="None: all whose pipelines you manage"
    )
    cluster = serializers.CharField(
        max_length=40, required=False, help_text="Each job becomes a pod there"
    )
