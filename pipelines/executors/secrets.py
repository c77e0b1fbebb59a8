"""`secrets: NAME: {slipway: SECRET}`: what Slipway keeps, given to a job as it begins.

Each is read by the rights of whoever started the pipeline at that moment, and the reading is in
the audit. Values of production and of the project as a whole go to the protected branch alone; a
fork's job gets none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops import secrets
from gitops.models import SecretValue
from idp.common.errors import Forbidden, Invalid, NotVisible, SlipwayError
from pipelines.deploys import selectors
from pipelines.engine.context import PREDEFINED
from pipelines.engine.values.expanding import expanded, putter
from pipelines.engine.values.identity import Secret
from pipelines.runs.models import Attempt, Pipeline
from pipelines.runs.starters import starter
from pipelines.runs.work import Stored
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope, Tier

FAILURE = "unmet_prerequisites"
USE = "secret.use"
LEAST = 8  # characters: a shorter value stands in ordinary words, so that no log can hide it
_DIGITS = 9


class SecretRefused(RuntimeError):
    """A secret that the job cannot have, in words that name it and never its value."""


@dataclass(frozen=True)
class Given:
    """Secrets by the variable that holds the value, or the path of a file with it."""

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    others: tuple[str, ...] = field(default=(), repr=False)  # of other versions

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.variables.values(), *self.files.values(), *self.others)


def for_attempt(
    attempt: Attempt, stored: Stored, variables: Mapping[str, str], *, again: bool = False
) -> Given:
    """All that the job asks for; `SecretRefused` for the first that it cannot have.

    `again` is for masking what a job left: no use is noted, and every version is among the values,
    as a newer one may have been set since the job got its own.
    """
    asked = [one for one in stored.work.secrets if one.runs]
    if not asked:
        return Given()
    pipeline = attempt.job.pipeline
    actor = _starter(pipeline)
    found: dict[bool, dict[str, str]] = {True: {}, False: {}}
    others: list[str] = []
    for one in asked:
        wanted = expanded(one, putter(variables, PREDEFINED, final=True))
        try:
            row = _admitted(actor, attempt, wanted)
        except SlipwayError as error:
            message = f"The secret {one.variable} is not given: {error.message} {error.fix}"
            raise SecretRefused(message.strip()) from error
        found[one.file][one.variable] = row.value
        if again:
            others += secrets.values(row.scope, row.name)
        else:
            _note(actor, attempt, row)
    return Given(found[False], found[True], tuple(others))


def _starter(pipeline: Pipeline) -> Actor:
    if pipeline.foreign:
        raise SecretRefused("Jobs of forks get no secrets.")
    actor = starter(pipeline)
    if actor is None:
        raise SecretRefused("Whoever started the pipeline is gone: nobody's rights read secrets.")
    return actor


def _admitted(actor: Actor, attempt: Attempt, wanted: Secret) -> SecretValue:
    """The secret; raises `SlipwayError` with what keeps it from the job."""
    pipeline = attempt.job.pipeline
    place = _place(actor, attempt)
    _admit(actor, place)  # before anything is said of what is there
    found = _found(place, wanted)
    _admit(actor, found.scope)
    if _is_protected(found.scope) and not pipeline.is_protected:
        raise Invalid(
            f"{found} of {found.scope.label} is for the protected branch alone.",
            fix="Run the job there, or name an environment that is not production.",
        )
    if len(found.value) < LEAST:
        message = f"{found} has less than {LEAST} characters, so no log could hide it."
        raise Invalid(message, fix="Set a longer value.")
    return found


def _note(actor: Actor, attempt: Attempt, found: SecretValue) -> None:
    audit.record(
        actor,
        "secret.use",
        target=found,
        scope=found.scope,
        after={
            "secret": str(found),
            "job": attempt.job.name,
            "pipeline": str(attempt.job.pipeline),
        },
    )


def _admit(actor: Actor, scope: Scope) -> None:
    """Refuse, in words that a job's page may show, who may not use secrets there; noted."""
    try:
        require(actor, USE, scope)
    except (Forbidden, NotVisible) as error:
        message = f"{actor.label} may not have jobs read secrets of {scope.label} ({USE})."
        raise Invalid(message, fix="Have somebody start the pipeline who may.") from error


def _place(actor: Actor, attempt: Attempt) -> Scope:
    """Where the name is looked for: the job's environment, then its tier, then the project."""
    project = attempt.job.pipeline.project
    if not attempt.job.environment:
        return project.scope
    found = selectors.named_environment(actor, project, attempt.job.environment)
    return found.scope if found else project.scope


def _found(place: Scope, wanted: Secret) -> SecretValue:
    if not wanted.version:
        return secrets.newest(place, wanted.name)
    if not (wanted.version.isascii() and wanted.version.isdecimal()) or (
        len(wanted.version) > _DIGITS
    ):
        message = f"“{wanted.version[:20]}” is no version of {wanted.name[:80]}."
        raise Invalid(message, fix="Write a number, or leave it out for the latest.")
    return secrets.find(place, f"{wanted.name}@{int(wanted.version)}")


def _is_protected(scope: Scope) -> bool:
    tier = scope.tier_scope or scope
    return tier.kind != Scope.Kind.TIER or tier.name == Tier.PRODUCTION
