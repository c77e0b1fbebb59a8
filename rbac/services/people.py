"""People: invitation, first administrator, deactivation with everything it must end."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from idp.common.errors import Clash, FieldError, Invalid, NotVisible, Refusal
from rbac import actors, audit, epoch
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Invitation, Membership, Role, RoleBinding, Scope, Team, User
from rbac.places import root
from rbac.services.bindings import bind_role, require_no_more
from rbac.services.lastone import keep_an_administrator
from rbac.services.sessions import end_sessions
from rbac.services.teams import require_care
from rbac.services.writing import refuse, save_new

INVITATION_LIVES = timedelta(days=7)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def invite(
    actor: Actor,
    *,
    email: str,
    team: Team | None = None,
    role: Role | None = None,
    scope: Scope | None = None,
) -> tuple[Invitation, str]:
    """Invite somebody by mail, perhaps into a team and a role; also answers the link.

    Whoever invites must be allowed to give what comes with it.
    """
    require(actor, "user.invite", scope)
    if actor.user is None:
        raise Refusal("Only people invite people.")
    if (role is None) != (scope is None):
        raise refuse("role", "with_scope", "A role needs a scope, and a scope a role.")
    if role is not None:
        require(actor, "access.grant", scope)
        require_no_more(actor, role.permissions, scope, f"The role {role.name}")
    if team is not None:
        require_care(actor, team)
    if User.objects.filter(email__iexact=email).exists():
        raise Clash(f"{email} has an account already.", fix="Grant a role or add to a team.")
    text = secrets.token_urlsafe(32)
    invitation = Invitation(
        email=email,
        team=team,
        role=role,
        scope=scope,
        digest=_digest(text),
        invited_by=actor.user,
        expires_at=timezone.now() + INVITATION_LIVES,
    )
    save_new(invitation, "This invitation")
    link = settings.BASE_URL + reverse("rbac:invitation", args=[text])
    after = {
        "email": email,
        "team": team.name if team else None,
        "role": role.name if role else None,
        "scope": scope.label if scope else None,
    }
    audit.record(actor, "user.invite", target=invitation, scope=scope, after=after)
    transaction.on_commit(lambda: _send(invitation, link), robust=True)
    return invitation, link


def _send(invitation: Invitation, link: str) -> None:
    context = {"invitation": invitation, "link": link}
    send_mail(
        "Your invitation to Slipway",
        render_to_string("rbac/mail/invitation.txt", context),
        None,
        [invitation.email],
    )


def open_invitation(text: str) -> Invitation:
    """The invitation behind a link; raises `NotVisible` when it is unknown, used or over."""
    found = (
        Invitation.objects.select_related("team", "role", "scope__project_scope", "invited_by")
        .filter(digest=_digest(text), accepted_at=None, expires_at__gt=timezone.now())
        .first()
    )
    if found is None:
        raise NotVisible(
            "This invitation is used, over or unknown.", fix="Ask for a new invitation."
        )
    return found


def checked_password(user: User, password: str) -> None:
    """Set a password that passes the rules; raises `Invalid` naming each rule it breaks."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(
            " ".join(error.messages),
            errors=[
                FieldError("password", entry.code or "password", " ".join(entry.messages))
                for entry in error.error_list
            ],
        ) from error
    user.set_password(password)


def _require_free(username: str, fix: str) -> None:
    """Refuse a name that somebody has, in whatever case: people read both as the same."""
    taken = User.objects.filter(username__iexact=username).values_list("username", flat=True)
    if found := taken.first():
        raise Clash(f"A person {found} exists already.", fix=fix)


@transaction.atomic
def accept_invitation(
    text: str, *, username: str, password: str, name: str = "", address: str | None = None
) -> User:
    """Make the invited person's account with what the invitation gives; the link works once."""
    invitation = open_invitation(text)
    _require_free(username, "Choose another name.")
    user = User(username=username, email=invitation.email, first_name=name[:150])
    checked_password(user, password)
    save_new(user, f"A person {username}")
    rows = Invitation.objects.filter(pk=invitation.pk, accepted_at=None)
    if not rows.update(accepted_at=timezone.now()):
        raise Clash("This invitation was used a moment ago.", fix="Sign in with that account.")
    inviter = Actor(user=invitation.invited_by)
    if invitation.team is not None:
        require_care(inviter, invitation.team)
        Membership.objects.create(team=invitation.team, user=user)
    if invitation.role is not None and invitation.scope is not None:
        bind_role(
            inviter,
            role=invitation.role,
            scope=invitation.scope,
            user=user,
            reason="Came with the invitation",
        )
    actor = Actor(user=user, address=address)
    audit.record(actor, "user.accept-invitation", target=user, after={"username": username})
    return user


@transaction.atomic
def create_administrator(*, username: str, email: str, password: str) -> User:
    """A person who holds everything, made by whoever runs the machine."""
    _require_free(username, "Choose another --username.")
    user = User(username=username, email=email)
    checked_password(user, password)
    save_new(user, f"A person {username}")
    role = Role.objects.get(name="administrator")
    RoleBinding.objects.create(role=role, scope=root(), user=user, reason="By command")
    actor = actors.system("command line")
    after = {"username": username, "role": "administrator", "scope": "everything"}
    audit.record(actor, "user.create-administrator", target=user, after=after)
    return user


@transaction.atomic
def deactivate_user(actor: Actor, user: User) -> None:
    """Shut somebody out: sessions and tokens end now, in every process."""
    require(actor, "user.manage", None)
    if actor.user is not None and actor.user.pk == user.pk:
        raise Refusal("You cannot deactivate yourself.", fix="Ask another administrator.")
    with keep_an_administrator():
        User.objects.filter(pk=user.pk).update(is_active=False)
        epoch.bump()
    user.is_active = False
    tokens = user.tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
    sessions = end_sessions(user)
    after = {"active": False, "tokens_revoked": tokens, "sessions_ended": sessions}
    before = {"active": True}
    audit.record(actor, "user.deactivate", target=user, before=before, after=after)


@transaction.atomic
def reactivate_user(actor: Actor, user: User) -> None:
    """Let somebody in again; ended tokens and sessions stay ended."""
    require(actor, "user.manage", None)
    user.is_active = True
    user.save(update_fields=["is_active"])
    epoch.bump()
    after = {"active": True}
    audit.record(actor, "user.reactivate", target=user, before={"active": False}, after=after)
