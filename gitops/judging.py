"""What may be pushed: the same validation, `decide` and gates that every other change meets.

Everything here reads git and rows only; the change that a push makes is judged again on the live
plan. What needs an approval goes through a branch.
"""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.db import transaction

from gitops import catalogfile, kinds, listeners, renderers, secrets
from gitops.backends.base import ref_of
from gitops.hosts.local import MAIN, ZERO, LocalRepository
from gitops.models import Application, ConfigRepository, ManagedObject
from gitops.sync.desired import complete, context_of, references
from gitops.sync.live import key_of, rows_of
from idp.changes import gating
from idp.changes.gates import Outcome
from idp.changes.models import Change
from idp.changes.plans import Action, Plan, Verb, digest
from idp.common.errors import Forbidden, Refusal, SlipwayError
from idp.common.names import dns_label
from rbac.access import can, require, visible
from rbac.actors import Actor
from rbac.models import Project, Scope

ENVIRONMENTS = "environments"
PUSH, DELETE = "environment.push", "environment.delete"
MAX_DIRECTORIES = 50
_FILE = re.compile(r"environments/(?!README\.md$|\.gitkeep$)[^/]+")
_OPEN = ("refs/heads/", "refs/tags/")
_WAITS = "its change waits for what is missing."
_BY_BRANCH = (
    "Push to a branch, and propose it: POST /api/v1/applications/{name}/propose/ with its name;"
    f" {_WAITS}"
)
_BY_CREATING = f"Create it in the portal or by POST /api/v1/environments/; {_WAITS}"
_BY_DELETING = f"Delete it in the portal or by DELETE /api/v1/environments/{{name}}/; {_WAITS}"
_PUSH = "repository.push"
Updates = list[tuple[str, str, str]]


def may_push(actor: Actor, project: Project) -> bool:
    """Pushing is allowed to whoever may push anywhere in the project; `judge` sees the rest."""
    below = Scope.objects.filter(project_scope=project.scope)
    return can(actor, _PUSH, project.scope) or visible(actor, _PUSH, below).exists()


def require_push(actor: Actor, project: Project) -> None:
    """The same as a demand; the denial is recorded."""
    if not may_push(actor, project):
        require(actor, _PUSH, project.scope)


def judge(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, updates: Updates
) -> list[str]:
    """The reasons against a push, in words; none where it may come in."""
    reasons: list[str] = []
    for old, new, ref in updates:
        if not ref.startswith(_OPEN):
            reasons.append(f"{ref} belongs to Slipway. Push to a branch or to main.")
        elif ref == MAIN:
            reasons += _main(actor, repo, on_disk, old, new)
    return reasons


def directories(on_disk: LocalRepository, old: str, new: str) -> list[str]:
    """Directories below `environments/` that differ between two commits, sorted."""
    found = set()
    for path in on_disk.changed(old, new):
        parts = path.split("/")
        if parts[0] == ENVIRONMENTS and len(parts) > 2:  # noqa: PLR2004 - environments/<name>/<file>
            found.add("/".join(parts[:2]))
    return sorted(found)


def _main(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, old: str, new: str
) -> list[str]:
    if new == ZERO:
        return ["main cannot be deleted: it says what should be."]
    if old != ZERO and not on_disk.contains(new, old):
        return ["main only moves forward. Fetch, rebase onto origin/main, and push again."]
    stray = [path for path in on_disk.changed(old, new) if _FILE.fullmatch(path)]
    if stray:
        return [f"{stray[0]} is a file: {ENVIRONMENTS}/ holds one directory for each environment."]
    if links := on_disk.links(new):
        return [f"{links[0]}; a config repository holds plain files only. Replace it by the file."]
    changed = directories(on_disk, old, new)
    if len(changed) > MAX_DIRECTORIES:
        return [f"It changes {len(changed)} environments; {MAX_DIRECTORIES} at most in one push."]
    reasons = []
    for directory in changed:
        try:
            _directory(actor, repo, on_disk, new, directory)
        except SlipwayError as error:
            reasons.append(_words(directory, error))
    try:
        catalogfile.judge(actor, repo, on_disk, old, new)
    except SlipwayError as error:
        reasons.append(_words(catalogfile.FILE, error))
    return reasons


def _words(directory: str, error: SlipwayError) -> str:
    fields = "".join(
        f"\n      {e.field}: {e.message} {e.fix}".rstrip()
        for e in error.errors[:20]
        if e.message not in error.message
    )
    return f"{directory}: {error.message} {error.fix}".rstrip() + fields


def _directory(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, new: str, directory: str
) -> None:
    name = directory.split("/")[1]
    try:
        dns_label(name)
    except ValidationError as error:
        raise Refusal(error.messages[0]) from error
    rows = repo.applications.select_related(
        "scope__tier_scope", "scope__project_scope", "cluster", "account"
    )
    application = rows.filter(directory=directory, removed_at=None).first()
    if not on_disk.tree_id(new, directory):
        if application is not None:
            _permit(actor, DELETE, application)
            _pass_gates(actor, application, DELETE, _removal(application), _BY_DELETING)
        return
    files = on_disk.read_directory(new, directory)
    renderers.find(files)
    with transaction.atomic():
        way_in = _BY_CREATING if application is None else _BY_BRANCH
        if application is None:
            application = _adopted(actor, repo, name, files)
        else:
            _permit(actor, PUSH, application)
        _pass_gates(actor, application, PUSH, _documents(application, files), way_in)
        transaction.set_rollback(True)


def _adopted(
    actor: Actor, repo: ConfigRepository, name: str, files: dict[str, bytes]
) -> Application:
    application = listeners.adopt_directory(repo.project, name, files, actor)
    if application is None:
        raise Refusal(
            f"There is no environment {name} yet.",
            fix="Create it in the portal or by the API; its directory then appears here.",
        )
    return application


def _permit(actor: Actor, permission: str, application: Application) -> None:
    try:
        require(actor, permission, application.scope)
    except Forbidden as error:
        raise Refusal(
            f"You may not do {permission} at {application.scope}: {error.message}", fix=error.fix
        ) from error


def _documents(application: Application, files: dict[str, bytes]) -> Plan:
    """What the files would do as far as rows know; raises for what they may not say."""
    context = context_of(application)
    rendered = renderers.render(files, context)
    documents = complete(rendered, context, application)
    for reference in sorted(references(documents)):
        secrets.find(application.scope, reference)
    rows = rows_of(application)
    actions = []
    wanted = {key_of(ref_of(d)): d for d in documents}
    for key, document in wanted.items():
        row = rows.get(key)
        if row is None:
            verb = Verb.CREATE
        else:
            verb = Verb.UNCHANGED if row.digest == digest(document) else Verb.UPDATE
        ref = ref_of(document)
        actions.append(_action(verb, ref.api_version, ref.kind, ref.name, ref.namespace))
    actions += _gone(rows, set(wanted))
    scope = application.scope
    facts = {
        **rendered.facts,
        "tier": scope.tier_scope.name if scope.tier_scope else "",
        "objects": len(documents),
    }
    return Plan(tuple(actions), application.synced_tree, digest(documents), facts=facts)


def _gone(rows: dict[str, ManagedObject], wanted: set[str]) -> list[Action]:
    return [
        _action(Verb.DELETE, row.api_version, row.kind, row.name, row.namespace)
        for key, row in rows.items()
        if key not in wanted
    ]


def _action(verb: Verb, api: str, kind: str, name: str, namespace: str) -> Action:
    return Action(verb, kinds.target_of(api), kind, name, namespace, kinds.risk(verb, kind))


def _removal(application: Application) -> Plan:
    return Plan(tuple(_gone(rows_of(application), set())), facts={"delete": True, "objects": 0})


def _pass_gates(actor: Actor, application: Application, verb: str, plan: Plan, way_in: str) -> None:
    """Raise `Refusal` with every gate that does not pass on what is stored, and the way in."""
    change = Change(
        pk=0,  # never saved: gates read its place, person and verb
        kind="gitops.sync",
        verb=verb,
        title=f"Push to {application.directory}",
        scope=application.scope,
        actor=actor.user,
        actor_label=actor.label,
        token=actor.token,
        origin=Change.Origin.PUSH,
        intent={"application": application.pk, "delete": verb == DELETE},
        interactive=False,
        plan_hash=plan.hash,
    )
    blocked = gating.blocking(gating.evaluate(change, plan))
    if not blocked:
        return
    said = " ".join(f"{r.title}: {r.sentence} {r.lift}".rstrip() for r in blocked)
    waits = any(r.outcome is Outcome.WAIT for r in blocked)
    raise Refusal(said, fix=way_in.format(name=application.scope) if waits else "")
