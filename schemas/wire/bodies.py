"""The JSON of the wire API: candidates in, schemas, versions and settings out.

Confluent Schema Registry, "API reference". `schemaType` is left out for AVRO, and so is whatever is
empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.configuration import Place
from schemas.errors import InvalidCandidate, InvalidRules
from schemas.formats.base import FormatName
from schemas.formats.levels import Level
from schemas.models import Schema, Settings, SubjectVersion
from schemas.parsing import MAX_REFERENCES, Candidate, Reference
from schemas.selectors import LATEST, MAX_NUMBER

WIRE_FORMATS = (FormatName.JSON, FormatName.PROTOBUF, FormatName.AVRO)
MAX_EXTRA = 200  # members of metadata and rules
# Body names of settings, in and out.
SETTINGS = {
    "alias": "alias",
    "normalize": "normalize",
    "compatibilityPolicy": "policy",
    "compatibilityGroup": "compatibility_group",
    "defaultMetadata": "default_metadata",
    "overrideMetadata": "override_metadata",
    "defaultRuleSet": "default_rule_set",
    "overrideRuleSet": "override_rule_set",
}
_MAX_TEXT = {"alias": 300, "compatibility_group": 100}


# -- in -------------------------------------------------------------------------------------------


def candidate(body: Mapping[str, Any]) -> Candidate:
    """A schema to register, look up or check; raises `InvalidCandidate`."""
    text = body.get("schema")
    if not isinstance(text, str) or not text.strip():
        raise InvalidCandidate("The body has no “schema”, or it is not a text.")
    return Candidate(
        text=text,
        format=_format(body.get("schemaType")),
        references=tuple(_references(body.get("references"))),
        metadata=_object(body, "metadata"),
        rule_set=_rules(body, "ruleSet"),
        schema_id=_given(body, "id"),
        version=_given(body, "version"),
    )


def _format(value: object) -> FormatName:
    if value is None or value == "":
        return FormatName.AVRO
    if isinstance(value, str) and value.upper() in {*WIRE_FORMATS}:
        return FormatName(value.upper())
    raise InvalidCandidate(f"Invalid schema type {str(value)[:40]}: AVRO, JSON or PROTOBUF.")


def _references(value: object) -> list[Reference]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_REFERENCES:
        raise InvalidCandidate(f"“references” is a list of at most {MAX_REFERENCES}.")
    return [_reference(entry) for entry in value]


def _reference(entry: object) -> Reference:
    if not isinstance(entry, dict):
        raise InvalidCandidate("A reference is an object with name, subject and version.")
    name, subject = entry.get("name"), entry.get("subject")
    version = entry.get("version", LATEST)
    named = isinstance(name, str) and 0 < len(name) <= 500  # noqa: PLR2004  # the column
    if not named or not isinstance(subject, str) or not _is_number(version):
        raise InvalidCandidate("A reference has a name, a subject and the number of a version.")
    return Reference(str(name), subject, version if version > 0 else LATEST)


def _is_number(value: object) -> bool:
    fine = isinstance(value, int) and not isinstance(value, bool)
    return fine and -1 <= value <= MAX_NUMBER  # type: ignore[operator]  # `fine` says it is one


def _given(body: Mapping[str, Any], name: str) -> int | None:
    """A positive number of the body; clients write -1 or 0 for none."""
    value = body.get(name)
    if value is None:
        return None
    if not _is_number(value):
        raise InvalidCandidate(f"“{name}” is a number up to {MAX_NUMBER}.")
    return int(value) if value > 0 else None


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, dict) or _size(value) > MAX_EXTRA:
        raise InvalidCandidate(f"“{name}” is an object of at most {MAX_EXTRA} members.")
    properties = value.get("properties")
    if properties is not None and not _is_texts(properties):
        raise InvalidCandidate(f"The properties of “{name}” are texts by name.")
    return {key: item for key, item in value.items() if item is not None}


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _rules(body: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, dict) or _size(value) > MAX_EXTRA:
        raise InvalidRules(f"“{name}” is an object of at most {MAX_EXTRA} members.")
    for kind in ("migrationRules", "domainRules", "encodingRules"):
        rules = value.get(kind) or []
        if not isinstance(rules, list) or not all(map(_is_rule, rules)):
            raise InvalidRules(f"“{kind}” is a list of rules, each with a name.")
        if len({rule["name"] for rule in rules}) < len(rules):
            raise InvalidRules(f"Two rules of “{kind}” have the same name.")
    return {key: item for key, item in value.items() if item is not None}


def _is_rule(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and bool(value["name"])


def _size(value: object) -> int:
    """Members at all depths, counted no further than the bound."""
    todo, count = [value], 0
    while todo and count <= MAX_EXTRA:
        entry = todo.pop()
        below = (
            list(entry.values())
            if isinstance(entry, dict)
            else entry
            if isinstance(entry, list)
            else []
        )
        count += len(below)
        todo.extend(below)
    return count


def settings(body: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as fields of the place's row; what the body does not name stays as it is."""
    found: dict[str, Any] = {}
    level = body.get("compatibility", body.get("compatibilityLevel"))
    if level is not None:
        found["level"] = str(level).upper()[:40]
    for name, field in SETTINGS.items():
        if name in body:
            found[field] = _setting(body, name, field)
    return found


def _setting(body: Mapping[str, Any], name: str, field: str) -> Any:
    value = body[name]
    if field.endswith("rule_set"):
        return _rules(body, name)
    if field.endswith("metadata"):
        return _object(body, name)
    if field == "normalize":
        return value if isinstance(value, bool) else None
    text = "" if value is None else str(value)
    return text.upper()[:40] if field == "policy" else text[: _MAX_TEXT[field]]


# -- out ------------------------------------------------------------------------------------------


def schema(row: Schema, text: str | None = None) -> dict[str, Any]:
    """What a schema is, without where it stands."""
    found: dict[str, Any] = {}
    if row.format != FormatName.AVRO:
        found["schemaType"] = row.format
    if row.references:
        found["references"] = row.references
    if row.metadata:
        found["metadata"] = row.metadata
    if row.rule_set:
        found["ruleSet"] = row.rule_set
    found["schema"] = row.text if text is None else text
    return found


def version(row: SubjectVersion, text: str | None = None) -> dict[str, Any]:
    """A schema as a version of its subject."""
    found = {
        "subject": str(row.subject),
        "version": row.number,
        "id": row.schema.number,
        "guid": str(row.schema.guid),
        **schema(row.schema, text),
    }
    if row.deleted_at is not None:
        found["deleted"] = True
    return found


def registered(row: SubjectVersion) -> dict[str, Any]:
    """The reply to a registration: what the publisher could not know."""
    return {"id": row.schema.number, "version": row.number, "guid": str(row.schema.guid)}


def configuration(row: Settings, level: Level | None = None) -> dict[str, Any]:
    """The settings of one place; `level` where the place itself may have none."""
    found: dict[str, Any] = {}
    if level is not None or row.level:
        found["compatibilityLevel"] = str(level or row.level)
    for name, field in SETTINGS.items():
        value = getattr(row, field)
        if value not in ("", None):
            found[name] = value
    return found


def effective(place: Place) -> dict[str, Any]:
    """The settings that hold at a place, wherever each was made."""
    found: dict[str, Any] = {}
    for row in place.rows:
        found = {**configuration(row), **found}
    return {**found, "compatibilityLevel": str(place.level)}


def context_id(row: Schema) -> dict[str, Any]:
    return {"context": row.context.name, "id": row.number}


def subject_version(row: SubjectVersion) -> dict[str, Any]:
    return {"subject": str(row.subject), "version": row.number}
