"""Tokens of agents: whom one stands for, how it is changed for the next, what a dead one tells."""

from __future__ import annotations

import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from idp.common.errors import SlipwayError
from pipelines.fleet.models import Agent, Pod
from pipelines.runs.models import Attempt
from rbac import audit
from rbac.actors import system
from rbac.models import AuditRecord
from rbac.tokens import digest_of

_TEXT = re.compile(r"(sla|slo)_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ALPHABET = string.ascii_lowercase + string.digits
_NO_DIGEST = "0" * 64
ONE_AGENT, ONE_ATTEMPT = "sla", "slo"


class TokenRefused(SlipwayError):
    """Nobody's token, or a dead one."""

    status, code, title = 401, "not_signed_in", "The token is refused"


@dataclass(frozen=True)
class Caller:
    """The agent that asks; `pod` where its token is for one attempt alone."""

    agent: Agent
    pod: Pod | None = None


def new_prefix() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def new_text(prefix: str, kind: str = ONE_AGENT) -> tuple[str, str]:
    """A new token's text, and its secret's digest."""
    secret = secrets.token_urlsafe(32)
    return f"{kind}_{prefix}_{secret}", digest_of(secret)


def authenticate(text: str, address: str) -> Caller:
    """Whom a token stands for; raises `TokenRefused`, which never says how near it was."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise _refused()
    kind, prefix, secret = found.groups()
    if kind == ONE_ATTEMPT:
        return _for_one_attempt(prefix, digest_of(secret))
    return Caller(_agent(prefix, digest_of(secret), address))


def _refused(message: str = "The token is no agent's, or its end has come.") -> TokenRefused:
    return TokenRefused(message, fix="Attach the agent anew, or rotate its token on its page.")


def _same(known: str, given: str) -> bool:
    return bool(known) and hmac.compare_digest(known, given)


def _agent(prefix: str, digest: str, address: str) -> Agent:
    agent = Agent.objects.select_related("project__scope", "owner").filter(prefix=prefix).first()
    if agent is None:
        hmac.compare_digest(_NO_DIGEST, digest)
        raise _refused()
    if _same(agent.digest, digest):
        if agent.token_until <= timezone.now():
            raise _refused()
    elif _same(agent.next_digest, digest):
        _promote(agent)
    elif _same(agent.old_digest, digest):
        warn(agent, f"Somebody at {address} used a token that was replaced: there is a copy of it.")
        raise _refused("The token was replaced by a newer one.")
    else:
        raise _refused()
    if not agent.owner.is_active:
        raise _refused("The person who attached this agent is no longer here.")
    return agent


def _for_one_attempt(prefix: str, digest: str) -> Caller:
    rows = Pod.objects.select_related("agent__project__scope", "agent__owner", "attempt")
    pod = rows.filter(prefix=prefix).first()
    if not _same(pod.digest if pod else _NO_DIGEST, digest) or pod is None:
        raise _refused()
    if pod.state == Pod.State.ENDED or not pod.agent.owner.is_active:
        raise _refused("The attempt that this token was for is over.")
    return Caller(pod.agent, pod)


def _promote(agent: Agent) -> None:
    """The next token was used: it is the agent's now, and the one before is dead."""
    until = timezone.now() + lifetime()
    rows = Agent.objects.filter(pk=agent.pk, next_digest=agent.next_digest)
    rows.update(
        digest=agent.next_digest, next_digest="", old_digest=agent.digest, token_until=until
    )
    agent.old_digest, agent.digest, agent.next_digest = agent.digest, agent.next_digest, ""
    agent.token_until = until


def lifetime() -> timedelta:
    return timedelta(days=settings.CI_AGENT_TOKEN_DAYS)


def old(agent: Agent) -> bool:
    """Whether the agent should ask for its next token: half of its time is over."""
    return agent.token_until - timezone.now() < lifetime() / 2


def next_of(agent: Agent) -> str:
    """The agent's next token; asked for twice, the first was not heard and counts no more."""
    text, digest = new_text(agent.prefix)
    Agent.objects.filter(pk=agent.pk).update(next_digest=digest)
    return text


def warn(agent: Agent, message: str) -> None:
    """Note on the agent what somebody should look at; it stays until its token is rotated."""
    with transaction.atomic():
        changed = Agent.objects.filter(pk=agent.pk).exclude(warning=message)
        if changed.update(warning=message, warned_at=timezone.now()):
            denied = AuditRecord.Outcome.DENIED
            actor = system("agents")
            audit.record(actor, "agent.token", target=agent, outcome=denied, reason=message)


def attempt_of(caller: Caller, pk: int) -> Attempt | None:
    """The caller's attempt of that number; None for any other."""
    if caller.pod is not None and caller.pod.attempt_id != pk:
        return None
    rows = Attempt.objects.select_related("job__pipeline", "project")
    return rows.filter(pk=pk, agent=caller.agent).first()
