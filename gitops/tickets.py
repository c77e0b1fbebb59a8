"""Who pushes, handed from the git endpoint to its hooks: signed, short-lived, never stored."""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing

from idp.common.errors import Forbidden
from rbac.actors import Actor
from rbac.models import ApiToken, User

_SALT = "slipway.git.push"
_SECONDS = 900


@dataclass(frozen=True)
class Ticket:
    project: str
    actor: Actor


def issue(project: str, actor: Actor) -> str:
    """A ticket for one push of a person to one project's repository."""
    user = actor.user.pk if actor.user else None
    token = actor.token.pk if actor.token else None
    facts = {"project": project, "user": user, "token": token, "address": actor.address}
    return signing.dumps(facts, salt=_SALT)


def read(text: str) -> Ticket:
    """The ticket; raises `Forbidden` for one that is missing, forged, old or withdrawn."""
    try:
        facts = signing.loads(text, salt=_SALT, max_age=_SECONDS)
    except signing.BadSignature as error:
        raise Forbidden(
            "This push did not come through Slipway's own address.",
            fix="Push to the clone address that the project's page shows.",
        ) from error
    user = User.objects.filter(pk=facts["user"], is_active=True).first()
    token = ApiToken.objects.filter(pk=facts["token"], revoked_at=None).first()
    if user is None or (facts["token"] and token is None):
        raise Forbidden("The token of this push was withdrawn meanwhile.")
    return Ticket(facts["project"], Actor(user, token, address=facts["address"]))
