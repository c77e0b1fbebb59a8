"""One's own profile. The address of mail is a key to the account: it changes by password only."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

from idp.common.errors import Refusal
from rbac import audit
from rbac.actors import Actor
from rbac.models import User
from rbac.services.sessions import confirm_password
from rbac.services.writing import refuse


@transaction.atomic
def update_profile(
    actor: Actor, *, first_name: str, last_name: str, email: str, password: str = ""
) -> User:
    """Change one's own names and address; a new address needs the password, and the old is told.

    Raises `Refusal` for narrowed tokens, `Invalid` for a taken address or a wrong password.
    """
    user = actor.user
    if user is None:
        raise Refusal("Only people have a profile.")
    if actor.narrowed:
        raise Refusal(
            "A narrowed token does not change its owner's profile.",
            fix="Change it at /account/, or with a token that carries all that you may do.",
        )
    before = {"first_name": user.first_name, "last_name": user.last_name, "email": user.email}
    moved = email.lower() != user.email.lower()
    if moved:
        confirm_password(actor, user, password)
    others = User.objects.exclude(pk=user.pk).filter(email__iexact=email)
    if email and others.exists():
        raise refuse("email", "unique", "Another person has this address.")
    User.objects.filter(pk=user.pk).update(first_name=first_name, last_name=last_name, email=email)
    after = {"first_name": first_name, "last_name": last_name, "email": email}
    audit.record(actor, "user.update-profile", target=user, before=before, after=after)
    if moved:
        tell_old_address(user, before["email"], email)
    user.refresh_from_db()
    return user


def tell_old_address(user: User, old: str, new: str) -> None:
    """Mail the address that a person had, once the transaction is through."""
    if not old:
        return
    context = {"user": user, "new": new, "base_url": settings.BASE_URL}
    text = render_to_string("rbac/mail/address_changed.txt", context)
    transaction.on_commit(
        lambda: send_mail("Your address at Slipway has changed", text, None, [old]), robust=True
    )
