"""Where what was found goes: its context here, its project, and what its references are called.

Used when a source is read, before anything is judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from schemas import naming
from schemas.naming import SubjectName
from schemas.parsing import Candidate, Reference

MAX_RULES = 100


@dataclass(frozen=True)
class Rule:
    """Subjects whose name, as the source calls it, begins so go to this project."""

    prefix: str
    project: str


def project_of(name: str, rules: Sequence[Rule], default: str) -> str:
    """The project of the longest prefix that fits, else the default."""
    fitting = [rule for rule in rules if name.startswith(rule.prefix)]
    return max(fitting, key=lambda rule: len(rule.prefix)).project if fitting else default


def rules_of(stored: Sequence[Mapping[str, str]]) -> list[Rule]:
    return [Rule(entry["prefix"], entry["project"]) for entry in stored]


def context_for(context: str, into: str) -> str:
    """What a context is called here; `into` takes the default one, and stands before others."""
    if not into:
        return context
    return naming.context(into if context == naming.DEFAULT else f"{into}{context}")


def target_of(source: str, into: str) -> SubjectName:
    """A subject's name here; raises `InvalidSubject`."""
    found = naming.parse(source)
    return SubjectName(context_for(found.context, into), found.name)


def wanted(source: str, prefix: str) -> bool:
    """Whether a run that is narrowed to a prefix, as `orders-` or `:.ctx:`, takes a subject."""
    if not prefix:
        return True
    name, start = naming.split(source), naming.split(prefix)
    anywhere = start.context == naming.WILDCARD
    return (anywhere or name.context == start.context) and name.name.startswith(start.name)


def moved(candidate: Candidate, source: str, into: str) -> Candidate:
    """The candidate with references by the names that subjects have here.

    Where the contexts stay, every reference reads as before, so that its identity does too.
    """
    if not into:
        return candidate
    here = naming.parse(source).context
    return replace(
        candidate,
        references=tuple(_moved(reference, here, into) for reference in candidate.references),
    )


def _moved(reference: Reference, within: str, into: str) -> Reference:
    name = naming.parse(reference.subject, within)
    if name.context == within:
        return replace(reference, subject=name.name)
    target = SubjectName(context_for(name.context, into), name.name)
    return replace(reference, subject=str(target))
