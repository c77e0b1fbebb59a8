"""What of a policy a subject or a version of it fails, in sentences with the way out. Pure.

Read by registering, describing, the gate, previews and the sweep: one judgement for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from idp.common.errors import FieldError
from schemas.formats.json import patterns
from schemas.policies.rules import Rules, Said


class Rule(StrEnum):
    """The rules by name, as failures keep them."""

    FORMATS = "formats"
    SUBJECT_NAME = "subject_name"
    REQUIRE = "require"
    TAGS = "tags"
    FIELD_TAGS = "field_tags"


FIXED = frozenset({Rule.FORMATS, Rule.SUBJECT_NAME})  # at the first version, for ever
SPOKEN = frozenset({Rule.REQUIRE, Rule.TAGS})  # what people can mend by describing

FieldTags = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Facts:
    """What a policy looks at. `fields` reads the tagged fields of a version, when a rule asks."""

    name: str
    format: str
    said: Mapping[str, str]  # by `Said`
    tags: tuple[str, ...]
    fields: Callable[[], FieldTags] = dict


@dataclass(frozen=True)
class Failure:
    """One rule that is not kept: the field that people would change, a sentence, the fix."""

    policy: str
    rule: Rule
    subject: str
    field: str
    sentence: str
    fix: str

    @property
    def error(self) -> FieldError:
        return FieldError(self.field, f"policy {self.policy}", self.sentence, self.fix)


def together(found: Iterable[Failure]) -> Iterator[tuple[str, str]]:
    """Sentences and fixes as people read them: what a policy lacks of one subject in one."""
    groups: dict[tuple[str, str, str], list[Failure]] = {}
    for one in found:
        alike = one.field if one.rule is not Rule.REQUIRE else ""
        groups.setdefault((one.policy, one.subject, f"{one.rule} {alike}"), []).append(one)
    for (policy, subject, _), group in groups.items():
        fix = " ".join(dict.fromkeys(one.fix for one in group))
        if len(group) > 1 and group[0].rule is Rule.REQUIRE:
            words = ", no ".join(one.field for one in group)
            yield f"{subject} has no {words}, which policy {policy} asks for.", fix
        else:
            yield " ".join(dict.fromkeys(one.sentence for one in group)), fix


def failures(policy: str, rules: Rules, facts: Facts, *, tier: str = "") -> Iterator[Failure]:
    """Every rule of a policy that the facts do not keep; with a tier also what stays out of it."""
    yield from _fixed(policy, rules, facts)
    yield from _spoken(policy, rules, facts)
    if tier:
        yield from kept_out(policy, rules, facts, tier)


def _fixed(policy: str, rules: Rules, facts: Facts) -> Iterator[Failure]:
    if rules.formats and facts.format and facts.format not in rules.formats:
        allowed = " or ".join(rules.formats)
        yield Failure(
            policy,
            Rule.FORMATS,
            facts.name,
            "schemaType",
            f"{facts.name} is {facts.format}; policy {policy} takes {allowed}.",
            f"Write it as {allowed}.",
        )
    naming = rules.subject_name
    if naming and not patterns.matches(naming.pattern, facts.name):
        yield Failure(
            policy,
            Rule.SUBJECT_NAME,
            facts.name,
            "subject",
            f"“{facts.name}” does not fit the names of policy {policy} ({naming.pattern}).",
            f"Choose a name like {naming.example}.",
        )


_ASKED = {
    Said.DOCS: "Say in its docs what the records mean.",
    Said.OWNER: "Give it an owner: a team that has people.",
    Said.COMPONENT: "Name the catalog’s component that writes it.",
    Said.CONTACT: "Say where its users ask.",
}


def _spoken(policy: str, rules: Rules, facts: Facts) -> Iterator[Failure]:
    for said in rules.require:
        if not facts.said.get(said, "").strip():
            yield Failure(
                policy,
                Rule.REQUIRE,
                facts.name,
                said,
                f"{facts.name} has no {said}, which policy {policy} asks for.",
                _ASKED[Said(said)],
            )
    carried = {tag.casefold() for tag in facts.tags}
    lacking = [tag for tag in rules.required_tags if tag.casefold() not in carried]
    if lacking:
        yield _tags(policy, facts, f"the tag{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}")
    if rules.one_of_tags and not carried & {tag.casefold() for tag in rules.one_of_tags}:
        yield _tags(policy, facts, f"one of the tags {', '.join(rules.one_of_tags)}")


def _tags(policy: str, facts: Facts, lacking: str) -> Failure:
    return Failure(
        policy,
        Rule.TAGS,
        facts.name,
        "tags",
        f"{facts.name} lacks {lacking}, which policy {policy} asks for.",
        "Add it where the subject is described.",
    )


def kept_out(policy: str, rules: Rules, facts: Facts, tier: str) -> Iterator[Failure]:
    """The tagged fields that stay out of a tier."""
    for rule in rules.field_tags:
        if tier not in rule.keep_out_of:
            continue
        met = {
            path: sorted(tag for tag in tags if rule.meets(tag))
            for path, tags in facts.fields().items()
            if any(rule.meets(tag) for tag in tags)
        }
        for path, tags in sorted(met.items()):
            yield Failure(
                policy,
                Rule.FIELD_TAGS,
                facts.name,
                path,
                f"{facts.name}: field {path} is tagged {', '.join(tags)}, which policy {policy}"
                f" keeps out of {tier}.",
                "Use a version without the field there, or one whose data is made up.",
            )


@dataclass(frozen=True)
class Removal:
    """A tag that a candidate would take from a field which stays."""

    policy: str
    path: str
    tag: str


def removals(policy: str, rules: Rules, old: FieldTags, new: FieldTags) -> Iterator[Removal]:
    """Guarded tags that stand in the old version and not in the new one, where the field does."""
    guarded = [rule for rule in rules.field_tags if rule.removal == "approval"]
    for path, tags in sorted(old.items()):
        if path not in new:
            continue
        kept = {tag.casefold() for tag in new[path]}
        for tag in sorted(tags):
            if tag.casefold() not in kept and any(rule.meets(tag) for rule in guarded):
                yield Removal(policy, path, tag)
