"""Which process uses an agent's token: one at a time, the second is named and refused."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from idp.changes import leases
from idp.common.errors import Clash
from pipelines.fleet import tokens
from pipelines.fleet.models import Agent
from pipelines.fleet.tokens import Caller
from pipelines.runs.models import Attempt
from pipelines.runs.services import ending
from pipelines.runs.services.ending import End

SILENT = timedelta(seconds=20)  # then another process may take its place
SEEN_EVERY = timedelta(seconds=5)  # `seen_at` costs a write at most this often
MAX_LOST = 256


def enter(caller: Caller, instance: str, address: str, version: str = "") -> None:
    """Note that this process asks; `Clash` while another one uses the same token."""
    agent, now = caller.agent, timezone.now()
    if caller.pod is not None:  # its token is used by one process and for one attempt
        return
    facts = {"seen_at": now, "address": address[:60]}
    if version:
        facts["version"] = version[:40]
    if agent.instance == instance:
        _see(agent, facts)
        return
    if agent.instance and agent.seen_at and now - agent.seen_at < SILENT:
        message = f"Its token is used by two processes at once: at {agent.address} and {address}."
        tokens.warn(agent, message)
        raise Clash(
            f"{agent.name} is attached from another process, at {agent.address}.",
            fix="Stop that one. If it is not yours, rotate the token on the agent's page.",
        )
    rows = Agent.objects.filter(pk=agent.pk, instance=agent.instance)
    if not rows.update(instance=instance, waiting="", **facts):
        raise Clash(f"{agent.name} was attached from another process at this moment.")
    agent.instance = instance
    _end_of_the_one_before(agent)


def looked(agent: Agent) -> None:
    """Note that the cluster of an agent answered."""
    _see(agent, {"seen_at": timezone.now()})


def _see(agent: Agent, facts: dict[str, object]) -> None:
    seen = agent.seen_at
    if seen is None or timezone.now() - seen > SEEN_EVERY or facts.get("version", "") not in {
        "", agent.version,
    }:  # fmt: skip
        Agent.objects.filter(pk=agent.pk).update(**facts)


def drain(caller: Caller, instance: str) -> None:
    """The process wants no more work: claims of it that wait end."""
    Agent.objects.filter(pk=caller.agent.pk, instance=instance).update(waiting="")


def leave(caller: Caller, instance: str) -> None:
    """The process ends; claims of it that wait end, and another may begin at once."""
    Agent.objects.filter(pk=caller.agent.pk, instance=instance).update(instance="", waiting="")


def _end_of_the_one_before(agent: Agent) -> None:
    """What the process before ran runs no more: nobody has to wait for its leases."""
    rows = Attempt.objects.filter(agent=agent, status=Attempt.Status.RUNNING, pod=None)
    for pk in rows.order_by("pk").values_list("pk", flat=True)[:MAX_LOST]:
        lose(pk, f"its agent {agent.name} was started anew")


def lose(pk: int, message: str, *, failure: str = ending.LOST) -> bool:
    """End an attempt whose process is gone, whoever holds its lease; False when it is over."""
    open_ = Q(status__in=[Attempt.Status.RUNNING, Attempt.Status.PENDING])
    rows = Attempt.objects.filter(open_, pk=pk)
    if not rows.update(lease_until=leases.after(-1), not_before=None):
        return False
    begun = {"status": Attempt.Status.RUNNING}
    lease = leases.claim(Attempt, pk, where=open_, seconds=30, name="slipway", fields=begun)
    if lease is None:
        return False
    canceled = rows.filter(cancel=True).exists()
    status = Attempt.Status.CANCELED if canceled else Attempt.Status.FAILED
    ending.finish(lease, End(status, "" if canceled else failure, message))
    return True
