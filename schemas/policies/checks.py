"""What policies refuse before something is written: a version, a description, a step of life.

Called by `schemas.services`. A first version that lacks only what people say of a subject is taken
as a draft, since nothing can be said of a subject before there is one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from idp.changes import gating
from schemas import checking
from schemas.errors import PolicyRefused
from schemas.models import Subject, SubjectVersion
from schemas.parsing import Prepared
from schemas.policies import fieldtags, holding, judging
from schemas.policies.fieldtags import Tagged
from schemas.policies.holding import Held
from schemas.policies.judging import SPOKEN, Facts, Failure, FieldTags, Removal, Rule
from schemas.policies.rules import Said

GATE = "field-tags"  # of the waivers by which a guarded tag may go
SHOWN = 3
LOOKED_BACK = 50  # versions, for tags that must not get lost


def facts_of(subject: Subject, held: Iterable[Held], format: str = "") -> Facts:  # noqa: A002  # the model's own name
    """What policies look at of a subject; asks for the owner's people only where a rule does."""
    said: dict[str, str] = {
        name: getattr(subject, name) for name in (Said.DOCS, Said.COMPONENT, Said.CONTACT)
    }
    if any(Said.OWNER in one.rules.require for one in held):
        said[Said.OWNER] = subject.owner.name if len(subject.owner.members.all()) else ""
    return Facts(
        name=subject.name,
        format=format or subject.format,
        said=said,
        tags=tuple(subject.tags),
    )


@dataclass(frozen=True)
class Answer:
    """What enforced policies refuse of a version, and whether it would begin as a draft."""

    refused: tuple[Failure, ...] = ()
    draft: bool = False


def judge_version(subject: Subject, prepared: Prepared) -> Answer:
    """What policies say to a candidate.

    A subject keeps the name and the format that it has: those rules are about new ones.
    """
    held = [one for one in holding.registering(subject) if one.enforced]
    if not held:
        return Answer()
    written, first = str(prepared.format), not subject.last_version
    found = _failures(held, facts_of(subject, held, written))
    refused = [one for one in found if _refuses(one, subject, written, first=first)]
    refused += _guarded(held, subject, prepared)
    return Answer(tuple(refused), first and any(one.rule in SPOKEN for one in found))


def require_version(subject: Subject, prepared: Prepared) -> bool:
    """Raise `PolicyRefused` for what policies do not let in; else whether it is a draft."""
    answer = judge_version(subject, prepared)
    if answer.refused:
        raise refusal(answer.refused)
    return answer.draft


def _refuses(failure: Failure, subject: Subject, written: str, *, first: bool) -> bool:
    if failure.rule in SPOKEN:
        return not first and subject.state != Subject.State.DRAFT
    return first or (failure.rule is Rule.FORMATS and written != subject.format)


def _failures(held: Iterable[Held], facts: Facts) -> list[Failure]:
    return [found for one in held for found in judging.failures(one.name, one.rules, facts)]


def refusal(found: Sequence[Failure]) -> PolicyRefused:
    """At most three sentences, the rest counted; every rule is among the errors."""
    said = list(judging.together(found))
    more = f" (and {len(said) - SHOWN} more)" if len(said) > SHOWN else ""
    return PolicyRefused(
        " ".join(sentence for sentence, _ in said[:SHOWN]) + more,
        fix=" ".join(dict.fromkeys(fix for _, fix in said[:SHOWN])),
        errors=[one.error for one in found],
    )


# -- what people say of a subject ---------------------------------------------------------------


def lacking(subject: Subject) -> list[Failure]:
    """What enforced policies ask to be said of a subject, and is not."""
    held = [one for one in holding.registering(subject) if one.enforced]
    if not held:
        return []
    return [one for one in _failures(held, facts_of(subject, held)) if one.rule in SPOKEN]


def require_said(subject: Subject, before: Collection[Failure] = ()) -> None:
    """Raise `PolicyRefused` for what is lacking and was not lacking before."""
    known = {(one.policy, one.field) for one in before}
    found = [one for one in lacking(subject) if (one.policy, one.field) not in known]
    if found:
        raise refusal(found)


# -- tags on fields -----------------------------------------------------------------------------


def _guarded(held: Sequence[Held], subject: Subject, prepared: Prepared) -> list[Failure]:
    """A failure for each guarded tag that would go without anybody's leave."""
    guarding = [one for one in held if any(r.removal == "approval" for r in one.rules.field_tags)]
    if not guarding or subject.is_new:
        return []
    new = fieldtags.tags_of(prepared.parsed, prepared.metadata).fields
    old = _last_tags(subject)
    gone = [found for one in guarding for found in judging.removals(one.name, one.rules, old, new)]
    given = gating.leave_given(GATE, {cause_of(subject, one) for one in gone})
    return [_refused(subject, one) for one in gone if cause_of(subject, one) not in given]


def _last_tags(subject: Subject) -> FieldTags:
    """The tags of each field where it was last seen, deleted versions included.

    So a tag is not lost by leaving its field out once, nor by deleting the version that has it.
    """
    found: dict[str, frozenset[str]] = {}
    rows = subject.versions.select_related("schema").order_by("-number")
    for row in rows[:LOOKED_BACK]:
        for path, tags in tags_of(row).fields.items():
            found.setdefault(path, tags)
    return found


def tags_of(row: SubjectVersion, *, referenced: bool = False) -> Tagged:
    """The fields of a registered version with their tags, perhaps those of what it refers to."""
    dependencies = checking.stored_dependencies(row.schema)
    parsed = checking.parse_with(row.schema, dependencies)
    return fieldtags.tags_of(parsed, row.schema.metadata, dependencies if referenced else ())


def cause_of(subject: Subject, removal: Removal) -> tuple[int, str]:
    """What somebody gives leave for: this tag of this field, at the subject's project."""
    about = f"{subject}: {removal.tag} of {removal.path}"
    return subject.scope.pk, about[:500]


def _refused(subject: Subject, removal: Removal) -> Failure:
    return Failure(
        removal.policy,
        Rule.FIELD_TAGS,
        subject.name,
        removal.path,
        f"Field {removal.path} of {subject} would lose its tag {removal.tag}, which policy"
        f" {removal.policy} guards.",
        f"Keep the tag, or ask for leave on the subject’s Policies tab: another person with"
        f" gate.waive at {subject.scope} gives it.",
    )
