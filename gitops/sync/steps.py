"""The effects of a sync, one step an object, each recognising what it did before a crash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from django.db import transaction
from django.utils import timezone

from gitops import kinds, listeners, repositories
from gitops.backends.base import LiveObject, ObjectRef, Target, owner_of, ref_of
from gitops.health import assess
from gitops.models import Application, ManagedObject
from gitops.sync.desired import LOGICAL, Desired, Filler, application_of, desire, unfilled
from gitops.sync.live import Live, connect, key_of, rows_of
from idp.changes.kinds import Step, StepContext
from idp.changes.models import Change
from idp.changes.plans import Action, Plan, Verb, digest
from idp.common.errors import Conflict, PermanentBackendError, TemporaryBackendError

MAX_KEY = 180  # the column holds 200
_DONE = {Verb.CREATE: "Make", Verb.UPDATE: "Change", Verb.REPLACE: "Make anew"}
_APIS = {kind: api for api, kind in kinds.CLUSTER_KINDS}


def steps(change: Change, plan: Plan) -> Sequence[Step]:
    """The steps in order; none where all is as it should be, in git, there and on our rows."""
    work = Work(change, plan)
    todo = _ordered(plan)
    proposal = "files" in change.intent
    removes = proposal and plan.facts["delete"]
    if not todo and not removes and plan.facts["tree"] == plan.base and work.recorded:
        return []
    found = []
    if proposal:
        found.append(Step("git", "Bring the commit onto main", work.move_main))
    if todo:
        found.append(Step("intend", "Write down what will be made", work.intend))
    found += [Step(_step_key(a), _title(a), _bound(work, a)) for a in todo]
    found.append(Step("record", "Record what stands there", work.record))
    return found


def _ordered(plan: Plan) -> list[Action]:
    """Makes in the order of kinds; then removals the other way round, workloads first.

    With the namespace goes all that is in it, so only workloads are removed one by one before.
    """

    def place(action: Action) -> tuple[int, str, str]:
        return (kinds.rank(_api(action), action.kind), action.kind, action.name)

    made = sorted((a for a in plan.effective if a.verb is not Verb.DELETE), key=place)
    gone = sorted((a for a in plan.effective if a.verb is Verb.DELETE), key=place, reverse=True)
    if any(a.kind == "Namespace" and a.target == "kubernetes" for a in gone):
        gone = [a for a in gone if _alone(a)]
    return [*made, *gone]


def _alone(action: Action) -> bool:
    return action.target == "aws" or action.kind == "Namespace" or action.kind in kinds.WORKLOADS


def _api(action: Action) -> str:
    return "aws.slipway.dev/v1" if action.target == "aws" else _APIS.get(action.kind, "")


def _step_key(action: Action) -> str:
    key = f"{'delete' if action.verb is Verb.DELETE else 'apply'}:{action.key}"
    if len(key) <= MAX_KEY:
        return key
    return f"{key[:150]}#{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _title(action: Action) -> str:
    if action.verb is not Verb.DELETE:
        return f"{_DONE[action.verb]} {action.kind} {action.name}"
    kept = action.loss is not None and action.loss.choice == "retain"
    return f"{'Keep' if kept else 'Remove'} {action.kind} {action.name}"


def _bound(work: Work, action: Action) -> Any:
    if action.verb is Verb.DELETE:
        return lambda context: work.remove(context, action)
    return lambda context: work.apply(context, action)


class Work:
    """What the steps of one change share: read once in a process, and again after a crash."""

    def __init__(self, change: Change, plan: Plan) -> None:
        self.change = change
        self.plan = plan

    @cached_property
    def application(self) -> Application:
        return application_of(self.change)

    @cached_property
    def desired(self) -> Desired:
        """Rendered at the commit that the plan was made from, whatever `main` is by now."""
        return desire(self.application, self.change, self.plan.facts["commit"])

    @cached_property
    def documents(self) -> dict[str, dict[str, Any]]:
        return {key_of(ref_of(document)): document for document in self.desired.documents}

    @cached_property
    def live(self) -> Live:
        return connect(self.application)

    @cached_property
    def filler(self) -> Filler:
        filler = Filler(self.application)
        for row in self.application.objects_made.filter(target="aws"):
            filler.learn(row.kind, row.name, row.outputs)
        return filler

    @property
    def recorded(self) -> bool:
        """Whether the row says what the plan wants, which it does not after a failed change."""
        row = self.application
        synced = row.sync == Application.Sync.SYNCED
        return synced and row.synced_tree == self.plan.facts["tree"]

    def move_main(self, context: StepContext) -> dict[str, Any]:
        """Fast-forward `main` to the proposal; siblings that moved only give it a new parent."""
        repo = self.application.repository
        sha = repositories.fast_forward(
            repo,
            self.change.pk,
            self.plan.facts["commit"],
            self.change.intent["base_tree"],
            self.application.directory,
        )
        context.log(f"main of {repo} stands at {sha[:12]}.")
        return {"commit": sha}

    def intend(self, context: StepContext) -> dict[str, Any]:
        """A row for every object before its first call, so that nothing is made unseen."""
        wanted = [key for a in self.plan.effective if (key := a.key) in self.documents]
        with transaction.atomic():
            for key in wanted:
                document = self.documents[key]
                ref = ref_of(document)
                notes = document["metadata"].get("annotations") or {}
                row, _ = self.application.objects_made.update_or_create(
                    target=kinds.target_of(ref.api_version),
                    kind=ref.kind,
                    namespace=ref.namespace,
                    name=ref.name,
                    defaults={
                        "api_version": ref.api_version,
                        "logical_name": notes.get(LOGICAL, ""),
                        "change_id": self.change.pk,
                    },
                )
                if row.state == ManagedObject.State.RETAINED:
                    row.state = ManagedObject.State.INTENDED
                    row.save(update_fields=["state"])
            Application.objects.filter(pk=self.application.pk).update(
                sync=Application.Sync.OUT_OF_SYNC
            )
        return {"objects": len(wanted)}

    # -- one object ------------------------------------------------------------------------

    def apply(self, context: StepContext, action: Action) -> dict[str, Any]:
        """Make the object as desired; its uid and outputs are kept at once."""
        document = self.documents[action.key]
        row = rows_of(self.application)[action.key]
        target = self.live.target(action.target)
        if action.verb is Verb.REPLACE and row.change_id == self.change.pk:
            self._make_way(context, action, row, target)
            row.refresh_from_db()
        filled = self.filler.fill(document)
        if unfilled(filled):
            raise PermanentBackendError(
                f"{action.kind} {action.name} refers to an output that does not exist."
            )
        context.checkpoint()
        made = self._apply(context, target, filled, row)
        self.filler.learn(action.kind, action.name, made.outputs)
        well = {"health": assess(made.body).status} if action.target == "aws" else {}
        ManagedObject.objects.filter(pk=row.pk).update(
            **well,
            uid=made.uid,
            digest=digest(document),
            state=ManagedObject.State.READY,
            outputs=dict(made.outputs),
            change_id=self.change.pk,
            updated_at=timezone.now(),
        )
        return {"uid": made.uid}

    def _apply(
        self, context: StepContext, target: Target, filled: dict[str, Any], row: ManagedObject
    ) -> LiveObject:
        owner, change = self.application.namespace, str(self.change.pk)
        intended = row.created_at if row.state == ManagedObject.State.INTENDED else None
        try:
            return target.apply(
                filled, owner=owner, change=change, uid=row.uid, intended_at=intended
            )
        except Conflict:
            found = target.get(ref_of(filled))
            if found is None or owner_of(found) != owner or found.uid == row.uid:
                raise
            context.log(f"{found.ref} was made anew by somebody; it carries our mark and is kept.")
            return target.apply(filled, owner=owner, change=change, uid=found.uid)

    def _make_way(
        self, context: StepContext, action: Action, row: ManagedObject, target: Target
    ) -> None:
        """Remove the former object of a replacement, once: a done removal has cleared the uid."""
        made = row.state == ManagedObject.State.READY
        anew = made and row.digest == digest(self.documents[action.key])
        if row.state == ManagedObject.State.INTENDED or anew:
            return
        ref = _ref(row)
        if row.state != ManagedObject.State.DELETING:
            ManagedObject.objects.filter(pk=row.pk).update(state=ManagedObject.State.DELETING)
            row.state = ManagedObject.State.DELETING
        purge = action.loss is not None and action.loss.choice == "purge"
        target.delete(ref, owner=self.application.namespace, uid=row.uid, purge=purge)
        if target.get(ref) is not None:
            raise TemporaryBackendError(f"{ref} is still going.", retry_after=1)
        ManagedObject.objects.filter(pk=row.pk).update(
            state=ManagedObject.State.INTENDED, uid="", outputs={}
        )
        context.log(f"Removed the former {ref}.")

    def remove(self, context: StepContext, action: Action) -> dict[str, Any]:
        """Remove the object, or let go of it where somebody chose to retain what it holds."""
        key = action.key
        row = rows_of(self.application).get(key)
        ref = ObjectRef(_api(action), action.kind, action.name, action.namespace)
        choice = action.loss.choice if action.loss else ""
        if row is not None:
            ref = _ref(row)
        if choice == "retain":
            self._retain(ref)
            context.log(f"{ref} stays with what it holds; Slipway no longer touches it.")
            return {"retained": True}
        if row is not None:
            ManagedObject.objects.filter(pk=row.pk).update(
                state=ManagedObject.State.DELETING, change_id=self.change.pk
            )
        context.checkpoint()
        target = self.live.target(action.target)
        target.delete(
            ref,
            owner=self.application.namespace,
            uid=row.uid if row else "",
            purge=choice == "purge",
        )
        return {"removed": str(ref)}

    def _retain(self, ref: ObjectRef) -> None:
        """Let go of the object; one that was found by its mark alone gets a row that says so."""
        self.application.objects_made.update_or_create(
            target=kinds.target_of(ref.api_version),
            kind=ref.kind,
            namespace=ref.namespace,
            name=ref.name,
            defaults={
                "api_version": ref.api_version,
                "state": ManagedObject.State.RETAINED,
                "change_id": self.change.pk,
            },
        )

    # -- the end ---------------------------------------------------------------------------

    def record(self, context: StepContext) -> dict[str, Any]:
        """What stands there now, on the application's row; upper apps hear of it."""
        commit = str(self.plan.facts["commit"])
        if "files" in self.change.intent:
            commit = repositories.proposal(self.application.repository, self.change.pk) or commit
        sync = self._sync()
        with transaction.atomic():
            application = Application.objects.select_for_update().get(pk=self.application.pk)
            application.synced_commit = commit
            application.synced_tree = self.desired.tree
            application.sync = sync
            application.save(update_fields=["synced_commit", "synced_tree", "sync"])
            if self.desired.rendered is not None:
                listeners.synced(self.application, self.desired.rendered, self.change)
        return {"commit": commit, "tree": self.desired.tree}

    def _sync(self) -> Application.Sync:
        """Synced, unless `main` says more by now: pushes whose changes have their turn yet."""
        repo, directory = self.application.repository, self.application.directory
        newest = repositories.tree_id(repo, repositories.head(repo), directory)
        same = newest == self.desired.tree
        return Application.Sync.SYNCED if same else Application.Sync.OUT_OF_SYNC


def _ref(row: ManagedObject) -> ObjectRef:
    return ObjectRef(row.api_version, row.kind, row.name, row.namespace)
