"""From what should be and what is there to a plan: one action an object, nothing changed yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops import kinds, secrets
from gitops.backends.base import AWS_API, CHANGE_ANNOTATION, LiveObject, owner_of, ref_of
from gitops.models import Application, ManagedObject
from gitops.sync import diff
from gitops.sync.desired import (
    Desired,
    Filler,
    application_of,
    desire,
    references,
    unfilled,
)
from gitops.sync.live import Live, key_of, read, ref_of_row, retained_keys, rows_of
from idp.changes.models import Change
from idp.changes.plans import Action, FieldChange, Loss, Plan, Verb, digest
from idp.common.errors import Denied, PermanentBackendError, Refusal, SlipwayError

NEW_NAMESPACE = (
    "The namespace is new: what the cluster itself fills in is known only after it exists."
)
_IMMUTABLE_WORDS = ("immutable", "updates to statefulset spec", "may not change once set")


@dataclass
class Survey:
    """Everything that planning looks at, read once."""

    application: Application
    change: Change
    desired: Desired
    rows: dict[str, ManagedObject]
    live: Live
    filler: Filler
    notes: list[str] = field(default_factory=list)

    @property
    def choices(self) -> Mapping[str, str]:
        return dict(self.change.intent.get("choices") or {})


def plan(change: Change) -> Plan:
    """What the change would do. Raises `Refusal`/`Invalid` for what may not be done.

    Reads git, the cluster and the account; a target out of reach is a `TemporaryBackendError`.
    """
    application = application_of(change)
    desired = desire(application, change)
    survey = look(application, change, desired)
    actions = [_wanted(survey, document) for document in desired.documents]
    actions += _unwanted(survey)
    return _summed(survey, tuple(actions))


def look(application: Application, change: Change, desired: Desired) -> Survey:
    """The rows and the live objects beside what is desired; known outputs are learned."""
    rows = rows_of(application)
    live = read(application, desired.documents, rows, whole=desired.deletes)
    filler = Filler(application)
    for key, found in live.objects.items():
        if key.startswith("aws/"):
            filler.learn(found.ref.kind, found.ref.name, found.outputs)
    survey = Survey(application, change, desired, rows, live, filler)
    if live.namespace is None and not desired.deletes:
        survey.notes.append(NEW_NAMESPACE)
    return survey


def _summed(survey: Survey, actions: tuple[Action, ...]) -> Plan:
    desired, application = survey.desired, survey.application
    rendered = desired.rendered
    scope = application.scope
    facts: dict[str, Any] = {
        **(dict(rendered.facts) if rendered else {}),
        "tier": scope.tier_scope.name if scope.tier_scope else "",
        "objects": len(desired.documents),
        "commit": desired.commit,
        "tree": desired.tree,
        "delete": desired.deletes,
    }
    bound = {
        "base": desired.base,
        "tree": desired.tree,
        "blueprint": rendered.digest if rendered else "",
        "documents": desired.documents,
        "secrets": {
            reference: secrets.digest_of(scope, reference)
            for reference in sorted(references(desired.documents))
        },
        "world": [
            [a.verb, a.key, [[f.path, f.before] for f in a.fields], bool(a.loss)]
            for a in actions
            if a.verb is not Verb.UNCHANGED
        ],
    }
    notes = (*(rendered.notes if rendered else ()), *desired.notes, *survey.notes)
    return Plan(actions, desired.base, digest(bound), notes, facts)


# -- objects that should be there -----------------------------------------------------------


def _wanted(survey: Survey, document: dict[str, Any]) -> Action:
    ref = ref_of(document)
    key = key_of(ref)
    found = survey.live.objects.get(key)
    if found is None:
        return _action(survey, Verb.CREATE, document, diff.created(document))
    _require_ours(survey, found, key)
    if document["apiVersion"] == AWS_API:
        return _cloud_action(survey, document, found)
    if document["kind"] == "Secret":
        filled = survey.filler.fill(document)
        fields = diff.secret_fields(found.body, filled)
        return _action(survey, Verb.UPDATE if fields else Verb.UNCHANGED, document, fields)
    row = survey.rows.get(key)
    filled = survey.filler.fill(document)
    if row and row.digest == digest(document) and diff.covers(found.body, filled):
        return _action(survey, Verb.UNCHANGED, document, ())
    return _dry_run(survey, document, filled, found)


def _require_ours(survey: Survey, found: LiveObject, key: str) -> None:
    """Refuse an object that exists and that no mark, and no unfinished work of ours, explains."""
    owner = owner_of(found)
    if owner == survey.application.namespace:
        return
    if not owner and key.startswith("aws/") and survey.rows.get(key):
        return  # made by us and not marked yet when a worker died; applying marks it
    whose = f"belongs to {owner}" if owner else "carries no mark of Slipway's"
    raise Refusal(
        f"{found.ref} exists already and is not this environment's: it {whose}.",
        fix="Choose another name, or have its owner remove it. Slipway never takes it over.",
    )


def _dry_run(
    survey: Survey, document: dict[str, Any], filled: dict[str, Any], found: LiveObject
) -> Action:
    application = survey.application
    try:
        would = survey.live.cluster.apply(
            filled,
            owner=application.namespace,
            change=str(
                (found.body["metadata"].get("annotations") or {}).get(CHANGE_ANNOTATION, "")
            ),
            uid=found.uid,
            dry_run=True,
        )
    except Denied:
        raise
    except PermanentBackendError as error:
        words = error.message.lower()
        if not any(word in words for word in _IMMUTABLE_WORDS):
            raise
        fields = diff.owned(found.body, filled)
        note = "The cluster cannot change these fields in place: the object is made anew."
        return _action(survey, Verb.REPLACE, document, fields, note)
    fields = diff.fields(found.body, would.body)
    if unfilled(filled):
        fields = tuple(
            FieldChange(f.path, f.before, diff.LATER, known=False) if unfilled(f.after) else f
            for f in fields
        )
    return _action(survey, Verb.UPDATE if fields else Verb.UNCHANGED, document, fields)


def _cloud_action(survey: Survey, document: dict[str, Any], found: LiveObject) -> Action:
    """By a dry run too, so that both sides are in the target's own words; no secret is read."""
    row = survey.rows.get(key_of(found.ref))
    marks = found.body["metadata"].get("annotations") or {}
    would = survey.live.target("aws").apply(
        survey.filler.leaves(document),
        owner=survey.application.namespace,
        change=str(marks.get(CHANGE_ANNOTATION, "")),
        uid=found.uid,
        dry_run=True,
        intended_at=row.created_at if row else None,
    )
    fields = diff.fields(found.body, would.body)
    unmarked = owner_of(found) != survey.application.namespace
    if not fields and not unmarked:
        return _action(survey, Verb.UNCHANGED, document, ())
    frozen = kinds.IMMUTABLE.get(document["kind"], ())
    if any(f.path.startswith(frozen) for f in fields if frozen):
        note = "AWS cannot change this in place: it is deleted and made anew."
        return _action(survey, Verb.REPLACE, document, fields, note)
    note = "Its mark is missing: an earlier attempt was interrupted." if unmarked else ""
    return _action(survey, Verb.UPDATE, document, fields, note)


# -- objects that should no longer be there -------------------------------------------------


def _unwanted(survey: Survey) -> list[Action]:
    """Deletions of what is ours and no longer rendered: by our rows, and by marks found live."""
    kept = {key_of(ref_of(document)) for document in survey.desired.documents}
    kept |= retained_keys(survey.application)
    gone = []
    for key in sorted({*survey.rows, *survey.live.objects} - kept):
        found, row = survey.live.objects.get(key), survey.rows.get(key)
        ref = found.ref if found else ref_of_row(survey.rows[key])
        if found is not None and owner_of(found) != survey.application.namespace and not row:
            continue
        header = {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "metadata": {"name": ref.name, "namespace": ref.namespace},
        }
        note = "" if found else "It is gone already; its record is closed."
        gone.append(_action(survey, Verb.DELETE, header, (), note))
    return gone


def _action(
    survey: Survey,
    verb: Verb,
    document: Mapping[str, Any],
    fields: tuple[FieldChange, ...],
    note: str = "",
) -> Action:
    ref = ref_of(document)
    port, key = kinds.target_of(ref.api_version), key_of(ref)
    return Action(
        verb=verb,
        target=port,
        kind=ref.kind,
        name=ref.name,
        namespace=ref.namespace,
        risk=kinds.risk(verb, ref.kind, fields),
        note=note,
        fields=fields,
        loss=_loss(survey, verb, key),
    )


def _loss(survey: Survey, verb: Verb, key: str) -> Loss | None:
    """What would be lost with a bucket, table, queue or volume that is not empty."""
    found = survey.live.objects.get(key)
    if verb not in {Verb.DELETE, Verb.REPLACE} or found is None:
        return None
    if found.ref.kind not in kinds.STATEFUL:
        return None
    try:
        held = survey.live.target(kinds.target_of(found.ref.api_version)).contents(found.ref)
    except Denied as error:
        sentence = f"What it holds cannot be seen: {error.message}"
    except SlipwayError:
        raise
    else:
        if held.empty:
            return None
        sentence = held.sentence or "It is not empty."
    choices = ("purge",) if verb is Verb.REPLACE else ("retain", "purge")
    if found.ref.kind == "PersistentVolumeClaim":
        choices = ("purge",)  # it goes with its namespace; no way to keep it here
    choice = survey.choices.get(key, "")
    return Loss(sentence, choices, choice if choice in choices else "")
