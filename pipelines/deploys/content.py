"""What a bundle holds, judged: pinned images, variables, schema versions, migrations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from environments.rendering.document import SCHEMA_SET
from environments.services.deploys import Version
from idp.changes.plans import digest
from idp.common import jsonschema
from idp.common.errors import FieldError, Invalid

MOST = 50
MAX_IMAGE = 300
MAX_VALUE = 10_000
MAX_VERSION = 2_147_483_647
_WORKLOAD = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_DATABASE = re.compile(r"[a-z0-9-]{1,63}/[a-z0-9-]{1,63}")
# The distribution specification's form of a reference that a digest pins.
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_PIN = "Name its digest: registry/name:tag@sha256:…, as the push of the image printed it."


@dataclass(frozen=True)
class Content:
    """`images` by workload; `migrations`: the declared version that each database needs."""

    images: Mapping[str, str]
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    schemas: Mapping[str, Any] | None = None
    migrations: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def judged(cls, given: Mapping[str, Any]) -> Content:
        """The content; raises `Invalid` with every wrong field."""
        errors = [
            *_images(given.get("images") or {}),
            *_variables(given.get("variables") or {}),
            *_migrations(given.get("migrations") or {}),
        ]
        if errors:
            raise Invalid.of(errors)
        schemas = given.get("schemas")
        if schemas is not None:
            jsonschema.validate(schemas, SCHEMA_SET, at="schemas")
        return cls(
            images=dict(given["images"]),
            variables={name: dict(one) for name, one in (given.get("variables") or {}).items()},
            schemas=schemas,
            migrations=dict(given.get("migrations") or {}),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "images": dict(self.images),
            "variables": {name: dict(one) for name, one in self.variables.items()},
            "schemas": self.schemas,
            "migrations": dict(self.migrations),
        }

    def digest_at(self, sha: str, *, protected: bool) -> str:
        """SHA-256, hexadecimal, of the commit, the trust in its branch and all that is in here."""
        return digest([sha, protected, self.to_json()])

    @property
    def version(self) -> Version:
        return Version(self.images, self.variables, self.schemas)


def of(stored: Mapping[str, Any]) -> Content:
    """The content that `to_json` wrote."""
    return Content(**stored)


def _images(given: Mapping[str, Any]) -> list[FieldError]:
    if not given:
        return [FieldError("images", "required", "A bundle has an image at least.", _PIN)]
    errors = _counted("images", given)
    for name, image in given.items():
        at = f"images.{name[:63]}"
        if not _WORKLOAD.fullmatch(name):
            errors.append(FieldError(at, "name", f"“{name[:63]}” is no name of a workload."))
        elif not isinstance(image, str) or len(image) > MAX_IMAGE or not _PINNED.fullmatch(image):
            message = f"The image of {name} is not pinned: what a tag names may change."
            errors.append(FieldError(at, "digest", message, _PIN))
    return errors


def _variables(given: Mapping[str, Any]) -> list[FieldError]:
    errors = _counted("variables", given)
    for workload, variables in given.items():
        at = f"variables.{workload[:63]}"
        if not _WORKLOAD.fullmatch(workload) or not isinstance(variables, Mapping):
            errors.append(FieldError(at, "type", "Variables are a map by workload.", ""))
            continue
        errors += _counted(at, variables)
        for name, value in variables.items():
            if not _VARIABLE.fullmatch(name):
                fix = "Use letters, digits and underscores, not a digit first."
                errors.append(FieldError(at, "name", f"“{name[:60]}” names no variable.", fix))
            elif not isinstance(value, str) or len(value) > MAX_VALUE or "\0" in value:
                message = f"{name} is no text of at most {MAX_VALUE} characters."
                errors.append(FieldError(f"{at}.{name[:60]}", "value", message, "Shorten it."))
    return errors


def _migrations(given: Mapping[str, Any]) -> list[FieldError]:
    errors = _counted("migrations", given)
    for name, number in given.items():
        at = f"migrations.{name[:120]}"
        if not _DATABASE.fullmatch(name):
            errors.append(FieldError(at, "name", "A database is named project/name.", ""))
        elif not isinstance(number, int) or not 0 < number <= MAX_VERSION:
            errors.append(FieldError(at, "number", "A version is a number from 1 up.", ""))
    return errors


def _counted(at: str, given: Mapping[str, Any]) -> list[FieldError]:
    if len(given) <= MOST:
        return []
    return [FieldError(at, "count", f"At most {MOST} entries.", "Leave some out.")]
