"""Writes of connections to git hosts: connect, test, set up the webhook, merge, disconnect."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from gitops.hosted import mirrors
from gitops.hosted.models import HostConnection, HostedMergeRequest, HostedRepository
from gitops.hosts import addresses, remote
from gitops.hosts.base import Finding, MergeRequest
from idp.common import jobs
from idp.common.addresses import whole
from idp.common.errors import Clash, FieldError, Invalid, SlipwayError
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project

CONNECT = "repository.connect"
READ = "repository.read"
PUSH = "repository.push"
LOOK = "gitops.look"
HIDDEN = "(not shown)"
LEAST_SECRET = 16
MAX_SECRET = 500


def _wrong(field: str, rule: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, rule, message, fix)])


def hook_url(repository: HostedRepository) -> str:
    """Where the host sends its webhooks."""
    return whole(f"/hooks/{repository.connection.kind}/{repository.public_id.hex}/")


def connect(
    actor: Actor,
    project: Project,
    *,
    kind: str,
    base_url: str,
    path: str,
    token: str = "",
    webhook_secret: str = "",
) -> HostedRepository:
    """Connect a project to a repository, or change that; empty secrets stay as they are.

    A new address or kind needs the token anew: whoever may change where it is sent need not know
    it. Without a webhook secret one is made. Whatever moves there is done on behalf of the actor.
    """
    require(actor, CONNECT, project.scope)
    if actor.user is None or actor.narrowed:
        raise _wrong(
            "token",
            "person",
            "What a host sends is done on behalf of whoever connects it, with all their rights.",
            "Connect it signed in, or with a token that is not narrowed.",
        )
    base_url = base_url.strip().rstrip("/")
    _check(kind, base_url, path)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        row = HostedRepository.objects.select_related("connection").filter(project=project).first()
        connection = row.connection if row else HostConnection(project=project)
        before = _told(row) if row else None
        moved = (connection.kind, connection.base_url) != (kind, base_url)
        if moved and not token:
            raise _wrong(
                "token", "required", "Another host needs its own token.", "Make one at the host."
            )
        connection.kind, connection.base_url = kind, base_url
        connection.token = _secret("token", token, 1) or connection.token
        given = _secret("webhook_secret", webhook_secret, LEAST_SECRET)
        fresh = secrets.token_urlsafe(32) if moved or not connection.webhook_secret else ""
        connection.webhook_secret = given or fresh or connection.webhook_secret
        connection.save()
        row = row or HostedRepository(project=project)
        row.connection, row.path, row.acts_as = connection, path, actor.user
        folder = mirrors.folder_name(row, connection)
        if folder != row.folder:
            row.folder, row.looked_at = folder, None
            HostedMergeRequest.objects.filter(repository_id=row.pk or 0).delete()
        row.problem, row.said, row.checked_at, row.check_result = "", [], None, []
        row.save()
        look(row)
        audit.record(actor, CONNECT, target=row, before=before, after=_told(row))
    return row


def _check(kind: str, base_url: str, path: str) -> None:
    if kind not in settings.GIT_HOST_KINDS:
        known = ", ".join(settings.GIT_HOST_KINDS)
        raise _wrong("kind", "choices", f"“{kind[:20]}” is no git host.", f"Take one of {known}.")
    addresses.where(base_url)
    addresses.repository_name(path)


def _secret(field: str, value: str, least: int) -> str:
    """The same value; raises `Invalid` for one that no header can carry, or that is too short."""
    if not value:
        return ""
    plain = value.isascii() and value.isprintable() and " " not in value
    if not plain or not least <= len(value) <= MAX_SECRET:
        raise _wrong(
            field,
            "format",
            f"It has to be {least} to {MAX_SECRET} printable characters without spaces.",
            "Copy it whole; a webhook secret may be left empty: then Slipway makes one.",
        )
    return value


def _told(row: HostedRepository) -> dict[str, Any]:
    connection = row.connection
    return {
        "kind": connection.kind,
        "base_url": connection.base_url,
        "path": row.path,
        "token": HIDDEN if connection.token else "",
        "webhook_secret": HIDDEN if connection.webhook_secret else "",
        "acts_as": row.acts_as.username if row.acts_as else "",
    }


@transaction.atomic
def disconnect(actor: Actor, repository: HostedRepository) -> None:
    """Forget the connection and its secrets; pipelines that ran stay, the host's copy goes."""
    require(actor, CONNECT, repository.project.scope)
    audit.record(actor, CONNECT, target=repository, before=_told(repository))
    folder, connection = repository.folder, repository.connection
    repository.delete()
    if not connection.repositories.exists():
        connection.delete()
    transaction.on_commit(partial(mirrors.remove, folder))


def look(repository: HostedRepository) -> None:
    """Have a worker look at what moved at the host."""
    rows = HostedRepository.objects.filter(pk=repository.pk)
    rows.update(wanted=F("wanted") + 1)
    jobs.enqueue(LOOK, repository_id=repository.pk)


def look_again(actor: Actor, repository: HostedRepository) -> None:
    """The same, because somebody asks for it."""
    require(actor, CONNECT, repository.project.scope)
    look(repository)


def test(actor: Actor, repository: HostedRepository) -> list[Finding]:
    """Try the connection, keep and return the findings; audited."""
    require(actor, CONNECT, repository.project.scope)
    found = _findings(repository)
    repository.checked_at = timezone.now()
    repository.check_result = [asdict(finding) for finding in found]
    names = ["checked_at", "check_result", "default_branch", "url"]
    repository.save(update_fields=names)
    bad = [finding.check for finding in found if not finding.ok]
    audit.record(actor, "repository.test", target=repository, after={"failed": bad})
    return found


def _findings(repository: HostedRepository) -> list[Finding]:
    found = []
    try:
        host = mirrors.host_of(repository)
        facts = host.facts()
    except SlipwayError as error:
        return [Finding("API", False, error.message, error.fix)]
    found.append(Finding("API", True, f"{repository.path} is there."))
    repository.default_branch = facts.default_branch or repository.default_branch
    repository.url = facts.url if facts.url.startswith(("https://", "http://")) else ""
    fix = "Give the token the right to write commit statuses and comments."
    found.append(
        Finding("rights", True, "The token may write to it.")
        if facts.may_write
        else Finding("rights", False, "The token may not write to it.", fix)
    )
    try:
        count = len(remote.references(remote.remote_of(host), "refs/heads/*"))
    except SlipwayError as error:
        return [*found, Finding("git", False, error.message, error.fix)]
    found.append(Finding("git", True, f"git reads it: {count} branches."))
    last = repository.deliveries.order_by("-pk").first()
    if last is None:
        message, fix = "No webhook came yet.", f"Have the host send to {hook_url(repository)}."
        return [*found, Finding("webhook", False, message, fix)]
    return [*found, Finding("webhook", True, f"The last one came on {last.at:%Y-%m-%d %H:%M}.")]


def set_up_hook(actor: Actor, repository: HostedRepository) -> None:
    """Make or renew the webhook at the host, by its API; the token needs the right to."""
    require(actor, CONNECT, repository.project.scope)
    secret = repository.connection.webhook_secret
    mirrors.host_of(repository).ensure_hook(hook_url(repository), secret)
    audit.record(actor, "repository.hook", target=repository, after={"url": hook_url(repository)})


def open_merge_request(
    actor: Actor,
    repository: HostedRepository,
    *,
    source: str,
    target: str = "",
    title: str,
    description: str = "",
) -> MergeRequest:
    """Open one at the host, in the token's name; who asked stands below it."""
    require(actor, PUSH, repository.project.scope)
    made = mirrors.host_of(repository).open_merge_request(
        source=source,
        target=target or repository.default_branch,
        title=title,
        description=f"{description}\n\nOpened from Slipway by {actor.label}.".strip(),
    )
    audit.record(
        actor, "repository.merge-request", target=repository, after={"number": made.number}
    )
    look(repository)
    return made


def merge(actor: Actor, request: HostedMergeRequest, *, sha: str = "") -> None:
    """Merge at the host while the head is `sha` (the one last seen, without)."""
    require(actor, CONNECT, request.project.scope)
    repository = request.repository
    if repository is None:
        raise Invalid(f"{request} is none of a git host.", fix="Merge it on its own page.")
    if request.state != HostedMergeRequest.State.OPEN:
        raise Clash(f"{request} is {request.get_state_display().lower()} already.")
    if sha and sha != request.sha:
        raise Clash(f"The head of {request} is {request.sha[:12]} by now.", fix="Look at it again.")
    mirrors.host_of(repository).merge(request.number, request.sha)
    facts = {"number": request.number, "sha": request.sha}
    audit.record(actor, "repository.merge", target=repository, after=facts)
    look(repository)
