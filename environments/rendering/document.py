"""`environment.yaml`: what a person edits, parsed and judged by its own JSON Schema.

Pages, REST and pushes all end here, so that a hand-made commit is judged like a form.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError

from idp.common import jsonschema, secretvalues, yaml
from idp.common.errors import FieldError, Invalid
from idp.common.names import dns_label
from rbac.models import Tier
from schemas.databases.readers import MAX_PATH, MAX_PATHS, MAX_READS

FILENAME = "environment.yaml"
API_VERSION = "slipway.dev/v1"
KIND = "Environment"
MAX_BYTES = 256_000
IMAGE_PATTERN = (
    r"^[a-z0-9]([a-z0-9._/-]*[a-z0-9])?(:[0-9]{1,5}/[a-z0-9._/-]+)?"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"
)
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
SECRET_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,119}@[1-9][0-9]{0,8}$"  # noqa: S105 - a pattern of references, no secret

_TEXT = {"type": "string", "maxLength": 300}
CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "subject": {"type": "string", "minLength": 1, "maxLength": 400},
        "version": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        "schema": {"type": "object", "minProperties": 1},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["subject", "version"]}, {"required": ["schema"]}],
    "dependentRequired": {"subject": ["version"], "version": ["subject"]},
}
_WORKLOAD = {
    "type": "object",
    "properties": {
        "component": {"type": "string", "maxLength": 63},
        "image": {"type": "string", "maxLength": 300, "pattern": IMAGE_PATTERN},
        "replicas": {"type": "integer", "minimum": 0, "maximum": 100},
        "minReplicas": {"type": "integer", "minimum": 1, "maximum": 100},
        "maxReplicas": {"type": "integer", "minimum": 1, "maximum": 100},
        "variables": {
            "type": "object",
            "maxProperties": 500,
            "propertyNames": {"pattern": VARIABLE_PATTERN},
            "additionalProperties": {"type": "string", "maxLength": 20_000},
        },
        "secrets": {
            "type": "object",
            "maxProperties": 200,
            "propertyNames": {"pattern": VARIABLE_PATTERN},
            "additionalProperties": {"type": "string", "pattern": SECRET_PATTERN},
        },
        "configSchema": CONFIG_SCHEMA,
    },
}
_HELD: dict[str, Any] = {
    "type": "object",
    "required": ["subject", "version"],
    "additionalProperties": False,
    "properties": {
        "subject": {"type": "string", "minLength": 1, "maxLength": 400},
        "version": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        "workload": {"type": "string", "maxLength": 63},
        "component": {"type": "string", "maxLength": 63},
    },
}
_KEPT = {"retentionDays": {"type": "integer", "minimum": 0, "maximum": 3650}}
_PRODUCED = {**_HELD, "properties": {**_HELD["properties"], **_KEPT}}
_READ: dict[str, Any] = {
    "type": "object",
    "required": ["database", "tables"],
    "additionalProperties": False,
    "properties": {
        "database": {"type": "string", "pattern": r"^[a-z0-9-]{1,63}/[a-z0-9-]{1,63}$"},
        "tables": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_PATHS,
            "items": {"type": "string", "minLength": 1, "maxLength": MAX_PATH},
        },
        "workload": {"type": "string", "maxLength": 63},
        "component": {"type": "string", "maxLength": 63},
    },
}
SCHEMA_SET = {
    "type": "object",
    "properties": {
        "produces": {"type": "array", "maxItems": 200, "items": _PRODUCED},
        "consumes": {"type": "array", "maxItems": 200, "items": _HELD},
        "reads": {"type": "array", "maxItems": MAX_READS, "items": _READ},
    },
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": API_VERSION},
        "kind": {"const": KIND},
        "metadata": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}},
        },
        "spec": {
            "type": "object",
            "required": ["tier", "cluster", "blueprint"],
            "properties": {
                "tier": {"enum": list(Tier.values)},
                "cluster": _TEXT,
                "account": _TEXT,
                "blueprint": {"type": "string", "pattern": r"^[a-z][a-z0-9-]*@[0-9A-Za-z.+-]+$"},
                "expiresAt": _TEXT,
                "stopped": {"type": "boolean"},
                "restartedAt": _TEXT,
                "parameters": {"type": "object"},
                "workloads": {"type": "object", "maxProperties": 50},
                "resources": {"type": "object", "maxProperties": 100},
                "schemas": SCHEMA_SET,
            },
        },
    },
}


@dataclass(frozen=True)
class EnvironmentDocument:
    """What `environment.yaml` says; `parameters` as written, without the blueprint's defaults."""

    name: str
    tier: str
    cluster: str
    account: str
    blueprint: str
    version: str
    expires_at: datetime | None = None
    stopped: bool = False
    restarted_at: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    workloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schemas: Mapping[str, Any] = field(default_factory=dict)


def parse(text: bytes | str) -> EnvironmentDocument:
    """The document; raises `Invalid` with every wrong field, the rule and the way out."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise Invalid(f"{FILENAME} is not UTF-8.", fix="Save it as UTF-8.") from error
    raw = yaml.load(text, max_bytes=MAX_BYTES)
    if not isinstance(raw, dict):
        raise Invalid(f"{FILENAME} is no map.", fix=f"Start it with apiVersion: {API_VERSION}.")
    _refuse_unknown(raw, SCHEMA, "")
    jsonschema.validate(raw, SCHEMA, at=FILENAME)
    spec = raw["spec"]
    for name, entry in spec.get("workloads", {}).items():
        at = f"spec.workloads.{name}"
        if not isinstance(entry, dict):
            raise field_error(at, "type", "A workload's entry is a map.")
        _refuse_unknown(entry, _WORKLOAD, f"{at}.")
        jsonschema.validate(entry, _WORKLOAD, at=at)
    check_name(raw["metadata"]["name"], "metadata.name")
    blueprint, _, version = spec["blueprint"].partition("@")
    return EnvironmentDocument(
        name=raw["metadata"]["name"],
        tier=spec["tier"],
        cluster=spec["cluster"],
        account=spec.get("account", ""),
        blueprint=blueprint,
        version=version,
        expires_at=moment(spec["expiresAt"], "spec.expiresAt") if "expiresAt" in spec else None,
        stopped=spec.get("stopped", False),
        restarted_at=spec.get("restartedAt", ""),
        parameters=spec.get("parameters", {}),
        workloads=spec.get("workloads", {}),
        resources=spec.get("resources", {}),
        schemas=spec.get("schemas", {}),
    )


def check_name(value: str, at: str) -> None:
    """Refuse a name that is no DNS label, too long or reserved."""
    try:
        dns_label(value)
    except ValidationError as error:
        raise field_error(at, "name", error.messages[0]) from error


def check_values(document: EnvironmentDocument) -> None:
    """Refuse parameters, variables and resources that hold what looks like a secret's value."""
    fix = "Set it with “set secret”; git then holds only name@version under the workload's secrets."
    places = [
        *secretvalues.found_in(document.parameters, "parameters"),
        *secretvalues.found_in(document.resources, "spec.resources"),
    ]
    for name, entry in document.workloads.items():
        at = f"spec.workloads.{name}"
        places += secretvalues.found_in({**entry, "secrets": None}, at)
    wrong = [
        FieldError(at, "secret", f"{_last(at)} holds what looks like {kind}: none enters git.", fix)
        for at, kind in places
    ]
    if wrong:
        raise Invalid.of(wrong)


def _last(at: str) -> str:
    return at.rpartition(".")[2]


def check_reference(reference: str, has_secret: Callable[[str, int], bool], at: str) -> None:
    """Refuse a `name@version` that no secret in reach has."""
    secret, _, version = reference.partition("@")
    if not has_secret(secret, int(version)):
        raise field_error(
            at,
            "exists",
            f"There is no version {version} of secret “{secret}” here.",
            "Set it first with “set secret”; git holds only name@version.",
        )


def field_error(at: str, rule: str, message: str, fix: str = "") -> Invalid:
    """An `Invalid` about one field."""
    return Invalid(message, fix=fix, errors=[FieldError(at, rule, message, fix)])


def moment(text: str, at: str) -> datetime:
    """The moment in UTC that an ISO 8601 text with a zone names."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise field_error(
            at, "date-time", f"“{text[:40]}” is no moment.", "Write 2026-12-01T00:00:00Z."
        )
    return found.astimezone(UTC)


def written(value: datetime) -> str:
    """A moment as `environment.yaml` holds it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def nearest(name: str, known: list[str]) -> str:
    """A sentence that names the nearest known word, or all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"Did you mean “{close[0]}”?" if close else f"Known are {', '.join(known) or 'none'}."


def _refuse_unknown(value: Mapping[Any, Any], schema: Mapping[str, Any], prefix: str) -> None:
    known = schema["properties"]
    for key, child in value.items():
        if key not in known:
            fix = nearest(str(key), list(known))
            raise field_error(f"{prefix}{key}", "unknown", f"“{prefix}{key}” is not known.", fix)
        if isinstance(child, dict) and "properties" in known[key]:
            _refuse_unknown(child, known[key], f"{prefix}{key}.")
