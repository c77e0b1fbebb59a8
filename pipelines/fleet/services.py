"""Writes of agents. A token's text is told once; no audit record holds one."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from gitops.models import Cluster
from idp.common.errors import Clash, FieldError, Invalid
from idp.common.names import dns_label
from pipelines.fleet import selectors, sessions, tokens
from pipelines.fleet.models import Agent
from pipelines.permissions import MANAGE
from pipelines.runs.models import Attempt
from pipelines.runs.services import waking
from rbac import audit
from rbac.access import require, require_anywhere
from rbac.actors import Actor
from rbac.models import Project

MOST = 500
MAX_SLOTS, MAX_TAGS = 256, 50
MAX_ENDED = 512
_TAG = re.compile(r"[^\s,]{1,100}")
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_IMAGE = re.compile(r"[\w][\w./:@-]{0,298}")
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,3})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?")
FIELDS = ("description", "tags", "slots", "ignores_images", "paused")
CLUSTERS = "cluster.manage"
OF_CLUSTERS = ("namespace", "agent_image", "job_image", "cpu", "memory")


@transaction.atomic
def create(
    actor: Actor, *, name: str, project: Project | None, cluster: Cluster | None = None, **more: Any
) -> tuple[Agent, str]:
    """An agent of a project, or of all whose pipelines its maker manages; and its token's text.

    With a cluster each of its jobs becomes a pod there. `more` are `FIELDS` and `OF_CLUSTERS`.
    """
    if actor.user is None:
        raise _wrong("owner", "An agent belongs to a person or a service account.", "Sign in.")
    if project is None:
        require_anywhere(actor, MANAGE)
    else:
        require(actor, MANAGE, project.scope)
    if cluster is not None:
        require(actor, CLUSTERS, None)
    _judge_name(name)
    if Agent.objects.filter(owner=actor.user).count() >= MOST:
        raise Clash(f"You have {MOST} agents.", fix="Remove some.")
    prefix = tokens.new_prefix()
    text, digest = tokens.new_text(prefix)
    agent = Agent(
        name=name, project=project, cluster=cluster, owner=actor.user, prefix=prefix, digest=digest,
        kind=Agent.Kind.KUBERNETES if cluster else Agent.Kind.SHELL,
        token_until=timezone.now() + tokens.lifetime(),
    )  # fmt: skip
    _fill(agent, more)
    agent.save(force_insert=True)
    audit.record(actor, "agent.create", target=agent, after=_told(agent))
    waking.wake(agent.project)
    return agent, text


@transaction.atomic
def update(actor: Actor, pk: int, **fields: Any) -> Agent:
    """Change how an agent works; one that is paused takes no further job."""
    agent = _owned(actor, pk)
    before, place = _told(agent), _place(agent)
    _fill(agent, fields)
    if agent.cluster_id is not None and _place(agent) != place:
        require(actor, CLUSTERS, None)  # pods are made with the cluster's own credentials
    agent.save(update_fields=[*FIELDS, *OF_CLUSTERS])
    audit.record(actor, "agent.update", target=agent, before=before, after=_told(agent))
    waking.wake(agent.project)
    return agent


def _place(agent: Agent) -> tuple[str, str]:
    """Where its pods stand, and what runs in them beside the job."""
    return agent.namespace, agent.agent_image


@transaction.atomic
def rotate(actor: Actor, pk: int) -> tuple[Agent, str]:
    """A new token at once: the old one is dead, and whoever used it is out."""
    agent = _owned(actor, pk)
    text, digest = tokens.new_text(agent.prefix)
    agent.old_digest, agent.digest, agent.next_digest = agent.digest, digest, ""
    agent.token_until = timezone.now() + tokens.lifetime()
    agent.instance = agent.waiting = agent.warning = ""
    agent.warned_at = None
    agent.save(
        update_fields=[
            "old_digest", "digest", "next_digest", "token_until", "instance", "waiting", "warning",
            "warned_at",
        ]
    )  # fmt: skip
    audit.record(actor, "agent.rotate", target=agent)
    return agent, text


@transaction.atomic
def delete(actor: Actor, pk: int) -> None:
    """Remove an agent: its token is dead, and what it runs fails as with a lost runner."""
    agent = _owned(actor, pk)
    audit.record(actor, "agent.delete", target=agent, before=_told(agent))
    rows = agent.attempts.filter(status=Attempt.Status.RUNNING).order_by("pk")
    for attempt in rows.values_list("pk", flat=True)[:MAX_ENDED]:
        sessions.lose(attempt, f"its agent {agent.name} was removed")
    project = agent.project
    agent.delete()
    waking.wake(project)


def _owned(actor: Actor, pk: int) -> Agent:
    selectors.agent(actor, pk, manage=True)
    return Agent.objects.select_for_update().get(pk=pk)


def _judge_name(name: str) -> None:
    try:
        dns_label(name)
    except ValidationError as error:
        raise _wrong("name", " ".join(error.messages), "Like “build-3”.") from error
    if Agent.objects.filter(name=name).exists():
        raise _wrong("name", f"There is an agent {name}.", "Choose another name.")


def _fill(agent: Agent, fields: dict[str, Any]) -> None:
    for name in (*FIELDS, *OF_CLUSTERS):
        if fields.get(name) is not None:
            setattr(agent, name, fields[name])
    agent.tags = sorted(set(agent.tags))
    if len(agent.tags) > MAX_TAGS or not all(_TAG.fullmatch(tag) for tag in agent.tags):
        raise _wrong(
            "tags", f"At most {MAX_TAGS} words of at most 100 letters.", "No spaces, no commas."
        )
    if not 1 <= agent.slots <= MAX_SLOTS:
        raise _wrong("slots", f"An agent runs 1 to {MAX_SLOTS} jobs at once.", "Choose fewer.")
    agent.description = agent.description[:200]
    if agent.kind == Agent.Kind.KUBERNETES:
        _judge_cluster(agent)


def _judge_cluster(agent: Agent) -> None:
    if not _NAMESPACE.fullmatch(agent.namespace) or agent.namespace.startswith("kube-"):
        raise _wrong(
            "namespace", "Name the namespace in which jobs run.", "Like “orders-ci”; not kube-…"
        )
    if not _IMAGE.fullmatch(agent.agent_image):
        raise _wrong(
            "agent_image", "Name the image that brings the agent.", "See docs/pipelines.md."
        )
    if agent.job_image and not _IMAGE.fullmatch(agent.job_image):
        raise _wrong("job_image", "That is no image.", "Like “debian:12”, or nothing.")
    for name in ("cpu", "memory"):
        if getattr(agent, name) and not _AMOUNT.fullmatch(getattr(agent, name)):
            raise _wrong(name, "That is no amount.", "As Kubernetes writes it: 500m, 1Gi.")


def _told(agent: Agent) -> dict[str, Any]:
    facts = {name: getattr(agent, name) for name in FIELDS}
    if agent.kind == Agent.Kind.KUBERNETES:
        facts |= {name: getattr(agent, name) for name in OF_CLUSTERS}
    project = agent.project.name if agent.project else None
    return {"name": agent.name, "project": project, "kind": agent.kind, **facts}


def _wrong(field: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, "value", message, fix)])
