"""What a policy can demand, as frozen values read from its JSON; wrong rules name their field.

Pure: knows neither rows nor requests. Judged by `judging`, kept in `SchemaPolicy.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from idp.common import jsonschema
from rbac.models import Tier
from rbac.services.writing import refuse
from schemas.formats.base import FormatName
from schemas.formats.json import patterns
from schemas.formats.levels import Level

MAX_PATTERN, MAX_WORDS, MAX_TAG = 200, 200, 60


class Said(StrEnum):
    """What a policy may require to be said of a subject."""

    DOCS = "docs"
    OWNER = "owner"
    COMPONENT = "component"
    CONTACT = "contact"


@dataclass(frozen=True)
class Naming:
    """A subject's name has to match; `example` is one that does."""

    pattern: str
    example: str


@dataclass(frozen=True)
class FieldRule:
    """What holds for fields that carry one of these tags."""

    tags: tuple[str, ...]
    keep_out_of: tuple[str, ...] = ()  # tiers
    removal: str = "free"  # or "approval"

    def meets(self, tag: str) -> bool:
        return tag.casefold() in {known.casefold() for known in self.tags}


@dataclass(frozen=True)
class Rules:
    default_level: str = ""
    formats: tuple[str, ...] = ()
    subject_name: Naming | None = None
    require: tuple[str, ...] = ()
    required_tags: tuple[str, ...] = ()  # all of them
    one_of_tags: tuple[str, ...] = ()  # at least one
    field_tags: tuple[FieldRule, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Rules:
        """The rules that `parse` let pass."""
        name = data.get("subject_name")
        return cls(
            default_level=data.get("default_level", ""),
            subject_name=Naming(**name) if name else None,
            field_tags=tuple(_field_rule(one) for one in data.get("field_tags", ())),
            **{key: tuple(data.get(key, ())) for key in _LISTS},
        )

    @property
    def sentences(self) -> list[str]:
        """Each rule in words, for pages."""
        return list(_sentences(self))


_LISTS = ("formats", "require", "required_tags", "one_of_tags")


def _field_rule(data: Mapping[str, Any]) -> FieldRule:
    return FieldRule(
        tags=tuple(data["tags"]),
        keep_out_of=tuple(data.get("keep_out_of", ())),
        removal=data.get("removal", "free"),
    )


def _words(item: Mapping[str, Any], most: int = 20) -> dict[str, Any]:
    return {"type": "array", "items": item, "uniqueItems": True, "maxItems": most}


_TAG = {"type": "string", "minLength": 1, "maxLength": MAX_TAG, "pattern": r"^\S(.*\S)?$"}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "default_level": {"enum": ["", *(level.value for level in Level)]},
        "formats": _words({"enum": [name.value for name in FormatName]}),
        "subject_name": {
            "type": "object",
            "additionalProperties": False,
            "required": ["pattern", "example"],
            "properties": {
                "pattern": {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN},
                "example": {"type": "string", "minLength": 1, "maxLength": MAX_WORDS},
            },
        },
        "require": _words({"enum": [said.value for said in Said]}),
        "required_tags": _words(_TAG),
        "one_of_tags": _words(_TAG),
        "field_tags": {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tags"],
                "properties": {
                    "tags": {**_words(_TAG), "minItems": 1},
                    "keep_out_of": _words({"enum": list(Tier.values)}),
                    "removal": {"enum": ["free", "approval"]},
                },
            },
        },
    },
}


def parse(data: Any, *, tier: str = "") -> Rules:
    """Rules as people wrote them; raises `Invalid` that names every wrong field (`rules.…`)."""
    jsonschema.validate(data, SCHEMA, at="rules")
    found = Rules.from_json(data)
    if found == Rules():
        raise refuse("rules", "required", "A policy has at least one rule.", "Add a rule.")
    if found.subject_name is not None:
        _check_name(found.subject_name)
    if tier:
        _check_tier(found, tier)
    for at, rule in enumerate(found.field_tags):
        if not rule.keep_out_of and rule.removal == "free":
            field = f"rules.field_tags.{at}"
            raise refuse(
                field,
                "required",
                f"Nothing follows from the tags {', '.join(rule.tags)}.",
                "Name tiers to keep out of (keep_out_of), or set removal to approval.",
            )
    return found


def _check_name(naming: Naming) -> None:
    if not patterns.is_linear(naming.pattern):
        raise refuse(
            "rules.subject_name.pattern",
            "regex",
            "The pattern is no regular expression that is matched in linear time.",
            "Use no look-around and no back references.",
        )
    if not patterns.matches(naming.pattern, naming.example):
        raise refuse(
            "rules.subject_name.example",
            "example",
            f"“{naming.example}” does not match {naming.pattern}.",
            "Give a name that the rule lets pass.",
        )


def _check_tier(found: Rules, tier: str) -> None:
    """A policy of a tier is judged by uses there, where two of the rules have no meaning."""
    if found.default_level:
        raise refuse(
            "rules.default_level",
            "tier",
            "Subjects are registered before any tier uses them: a level has none.",
            "Make a policy without a tier for it.",
        )
    elsewhere = {one for rule in found.field_tags for one in rule.keep_out_of} - {tier}
    if elsewhere:
        raise refuse(
            "rules.field_tags",
            "tier",
            f"The policy is judged in {tier} alone, and says something of {min(elsewhere)}.",
            "Make a policy without a tier for it.",
        )
    if any(rule.removal != "free" for rule in found.field_tags):
        raise refuse(
            "rules.field_tags",
            "tier",
            "A tag is removed when a version is registered, before any tier uses it.",
            "Make a policy without a tier for it.",
        )


def _sentences(rules: Rules) -> Any:
    if rules.default_level:
        yield f"Compatibility is {rules.default_level} unless the subject says another."
    if rules.formats:
        yield f"New subjects are {_or(rules.formats)}."
    if rules.subject_name:
        shown = rules.subject_name
        yield f"New subjects are called like {shown.example} ({shown.pattern})."
    if rules.require:
        yield f"{_and(rules.require).capitalize()} must be said of a subject."
    if rules.required_tags:
        yield f"A subject carries {_and(rules.required_tags)}."
    if rules.one_of_tags:
        yield f"A subject carries {_or(rules.one_of_tags)}."
    for rule in rules.field_tags:
        if rule.keep_out_of:
            yield f"Fields tagged {_or(rule.tags)} stay out of {_and(rule.keep_out_of)}."
        if rule.removal == "approval":
            yield f"{_or(rule.tags)} is taken from a field only with somebody else’s leave."


def _or(words: tuple[str, ...]) -> str:
    return _joined(words, "or")


def _and(words: tuple[str, ...]) -> str:
    return _joined(words, "and")


def _joined(words: tuple[str, ...], word: str) -> str:
    return f" {word} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
