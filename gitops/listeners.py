"""What upper apps hear about their directories, and how they take new ones over.

Listeners run inside transactions and touch the database only; `on_pushed` outside of any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gitops.hosts.local import LocalRepository
from gitops.models import Application, HostedMergeRequest, HostedRepository
from gitops.renderers import Rendered
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import Project

MOST = 5  # references of one push that begin something
OnSynced = Callable[[Application, Rendered, Change], None]
OnEnded = Callable[[Application, Change], None]
Adopt = Callable[[Project, str, Mapping[str, bytes], Actor], Application]


@dataclass(frozen=True)
class Pushed:
    """References that moved (old, new, name), in a repository of our own or a host's mirror.

    A push to a host may be told twice, then with the same `telling`; `by` is who pushed there, as
    the host says.
    """

    project: Project
    repository: LocalRepository
    updates: Sequence[tuple[str, str, str]]
    hosted: HostedRepository | None = None
    by: str = ""
    telling: int = 0


OnPushed = Callable[[Actor, Pushed], list[str]]
OnMergeRequest = Callable[[Actor, HostedMergeRequest], list[str]]
OnMerging = Callable[[HostedMergeRequest], str]


@dataclass(frozen=True)
class Listener:
    """`on_ended` also hears of the end of a deletion: the application then has `removed_at`.

    `adopt` makes the rows for a pushed directory that no application has, raising what people
    shall read; `pre-receive` calls it in a transaction that it rolls back. `on_pushed` hears of
    pushes, and answers lines for whoever pushed; `on_merge_request` of a merge request that is new
    or has a new head, perhaps twice; `on_merging` says why one may not be merged now, or nothing.
    """

    on_synced: OnSynced | None = None
    on_ended: OnEnded | None = None
    adopt: Adopt | None = None
    on_pushed: OnPushed | None = None
    on_merge_request: OnMergeRequest | None = None
    on_merging: OnMerging | None = None


_listeners: list[Listener] = []


def register(
    *,
    on_synced: OnSynced | None = None,
    on_ended: OnEnded | None = None,
    adopt: Adopt | None = None,
    on_pushed: OnPushed | None = None,
    on_merge_request: OnMergeRequest | None = None,
    on_merging: OnMerging | None = None,
) -> None:
    heard = Listener(on_synced, on_ended, adopt, on_pushed, on_merge_request, on_merging)
    _listeners.append(heard)


def pushed(actor: Actor, what: Pushed) -> list[str]:
    """Tell of references that moved; what there is to say about it."""
    heard = (one.on_pushed for one in _listeners if one.on_pushed)
    return [line for on_pushed in heard for line in on_pushed(actor, what)]


def merge_request(actor: Actor, request: HostedMergeRequest) -> list[str]:
    """Tell of a merge request's new head; what there is to say about it."""
    heard = (one.on_merge_request for one in _listeners if one.on_merge_request)
    return [line for on_heard in heard for line in on_heard(actor, request)]


def against_merging(request: HostedMergeRequest) -> list[str]:
    """What speaks against merging it now, in words; nothing where it may be merged."""
    said = (one.on_merging(request) for one in _listeners if one.on_merging)
    return [reason for reason in said if reason]


def synced(application: Application, what: Rendered, change: Change) -> None:
    for listener in _listeners:
        if listener.on_synced:
            listener.on_synced(application, what, change)


def ended(application: Application, change: Change) -> None:
    for listener in _listeners:
        if listener.on_ended:
            listener.on_ended(application, change)


def adopt_directory(
    project: Project, name: str, files: Mapping[str, bytes], actor: Actor
) -> Application | None:
    """The new application of `environments/<name>`, or None where nobody takes it over."""
    for listener in _listeners:
        if listener.adopt:
            return listener.adopt(project, name, files, actor)
    return None
