"""Service accounts: identities for programs, each in one project."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from idp.common.names import dns_label
from rbac import audit, epoch
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project, ServiceAccount, User
from rbac.services.writing import refuse, save_new


@transaction.atomic
def create_service_account(
    actor: Actor, *, project: Project, name: str, description: str = ""
) -> ServiceAccount:
    """A program's identity `<project>.<name>`; roles and tokens are given to it separately."""
    require(actor, "service-account.manage", project)
    try:
        dns_label(name)
    except ValidationError as error:
        raise refuse("name", "dns_label", " ".join(error.messages)) from error
    username = f"{project.name}.{name}"
    user = User(username=username)
    user.set_unusable_password()
    save_new(user, f"A person or service account {username}")
    account = ServiceAccount(user=user, project=project, description=description[:200])
    account.save(force_insert=True)
    after = {"name": username, "description": description}
    audit.record(actor, "service-account.create", target=account, after=after)
    return account


@transaction.atomic
def delete_service_account(actor: Actor, account: ServiceAccount) -> None:
    """Deactivate the identity, end its tokens and bindings; its history keeps the name."""
    require(actor, "service-account.manage", account)
    user = account.user
    audit.record(actor, "service-account.delete", target=account, before={"name": user.username})
    user.is_active = False
    user.save(update_fields=["is_active"])
    user.tokens.filter(revoked_at=None).update(revoked_at=timezone.now())
    user.bindings.all().delete()
    account.delete()
    epoch.bump()
