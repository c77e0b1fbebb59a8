"""What a policy would do before it does it: every subject that would fail, and how it would bite.

Writes nothing; a policy may be one that is not saved yet.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from rbac.access import visible
from rbac.actors import Actor
from schemas.formats.base import TooComplex
from schemas.models import Subject
from schemas.permissions import VIEW
from schemas.policies import judging, sweeping
from schemas.policies.holding import Held
from schemas.policies.judging import FIXED, Failure
from schemas.policies.models import SchemaPolicy

MAX_SUBJECTS = 10_000
SECONDS = 10.0
MAX_SHOWN = 200


@dataclass(frozen=True)
class Failing:
    """A subject with everything that it would fail."""

    subject: Subject
    failures: tuple[Failure, ...]
    used: bool = False  # judged where a tier uses it, where every rule refuses

    @property
    def sentences(self) -> list[str]:
        return [sentence for sentence, _ in judging.together(self.failures)]

    @property
    def bites(self) -> bool:
        """Whether its next version or use would be refused; name and format stay as they are."""
        return self.used or any(one.rule not in FIXED for one in self.failures)


@dataclass(frozen=True)
class Preview:
    """How many subjects a policy is about, how many would fail, and the first of those."""

    subjects: int
    failing: int
    biting: int
    shown: Sequence[Failing]

    @property
    def sentence(self) -> str:
        """What people read: 12 of 40 subjects would fail."""
        if not self.subjects:
            return "It is about no subject that is there now."
        if not self.failing:
            return f"None of {self.subjects} subjects would fail."
        noun = "subject" if self.subjects == 1 else "subjects"
        return f"{self.failing} of {self.subjects} {noun} would fail."


def preview(actor: Actor, policy: SchemaPolicy) -> Preview:
    """Judge a policy as if it were on, over the subjects that the actor sees."""
    held = Held.of(policy)
    rows = list(about(actor, policy).order_by("context_id", "name")[:MAX_SUBJECTS])
    found: dict[int, list[Failure]] = {}
    ends = time.monotonic() + SECONDS
    for subject, _, failure in sweeping.failing([held], rows):
        if time.monotonic() > ends:
            raise TooComplex(
                f"The preview takes longer than {SECONDS:g} s.",
                fix="Let the policy warn first: what fails is listed then.",
            )
        found.setdefault(subject.pk, []).append(failure)
    failing = [
        Failing(row, tuple(found[row.pk]), bool(held.tier)) for row in rows if row.pk in found
    ]
    return Preview(
        subjects=len(rows),
        failing=len(failing),
        biting=sum(one.bites for one in failing),
        shown=failing[:MAX_SHOWN],
    )


def about(actor: Actor, policy: SchemaPolicy) -> QuerySet[Subject]:
    """The subjects that a policy is about and the actor sees."""
    return visible(actor, VIEW, sweeping.all_subjects().filter(sweeping.about(policy)))
