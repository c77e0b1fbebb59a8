"""Subjects as Backstage's `kind: API` entities, in both directions.

Out: what `GET /api/v1/subjects/catalog-info/` hands to other catalogs. In: an API in a project's
`catalog-info.yaml` becomes the next version of its subject, unless it is the latest already.
Backstage's "Descriptor Format of Catalog Entities" is the source of the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from idp.common import jsonschema, yaml
from idp.common.errors import FieldError, Invalid
from portal.kinds import EntityKind, kinds
from rbac.actors import Actor
from rbac.models import Project
from schemas import naming, selectors, services
from schemas.errors import Incompatible, RegistryError
from schemas.formats.base import FormatName, InvalidSchema
from schemas.models import Subject, SubjectVersion
from schemas.parsing import Candidate

SUBJECT, VERSION = "slipway.dev/subject", "slipway.dev/version"
TYPES = {
    FormatName.AVRO: "avro",
    FormatName.JSON: "jsonschema",
    FormatName.PROTOBUF: "protobuf",
    FormatName.OPENAPI: "openapi",
}
_FORMATS = {word: name for name, word in TYPES.items()} | {
    "json-schema": FormatName.JSON,
    "grpc": FormatName.PROTOBUF,
}
_LIFECYCLES = {
    Subject.State.DRAFT: "experimental",
    Subject.State.ACTIVE: "production",
}
_ENTITY: dict[str, Any] = {
    "type": "object",
    "required": ["metadata", "spec"],
    "properties": {
        "metadata": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 255},
                "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        "spec": {
            "type": "object",
            "required": ["type", "definition"],
            "properties": {
                "type": {"enum": sorted(_FORMATS)},
                "definition": {"type": "string", "minLength": 1},
            },
        },
    },
}
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
MAX_NAME = 63


# -- out ------------------------------------------------------------------------------------------


def written(rows: Iterable[tuple[Subject, SubjectVersion]]) -> Iterator[str]:
    """One YAML document for each subject with its latest version."""
    for subject, version in rows:
        yield f"---\n{yaml.dump(entity(subject, version))}"


def entity(subject: Subject, version: SubjectVersion) -> dict[str, Any]:
    """The subject as a catalog entity; `metadata.name` keeps what its rules allow."""
    metadata: dict[str, Any] = {
        "name": _UNFIT.sub("-", str(subject)).strip("-_.")[:MAX_NAME] or f"subject-{subject.pk}",
        "title": str(subject),
        "annotations": {SUBJECT: str(subject), VERSION: str(version.number)},
    }
    if subject.docs:
        metadata["description"] = subject.docs
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "API",
        "metadata": metadata,
        "spec": {
            "type": TYPES[FormatName(version.schema.format)],
            "lifecycle": _LIFECYCLES.get(Subject.State(subject.state), "deprecated"),
            "owner": f"group:{subject.owner.name}",
            "definition": version.schema.text,
        },
    }


# -- in -------------------------------------------------------------------------------------------


def read(actor: Actor, project: Project, document: Mapping[str, Any]) -> str:
    """Register an API's definition as its subject's next version; the sentence says what was done.

    The subject is the one that the annotation names, else the entity's name. Raises `Invalid` with
    the fields of the document.
    """
    try:
        jsonschema.validate(document, _ENTITY, at="")
    except Invalid as error:
        found = [replace(one, field=one.field.lstrip(".")) for one in error.errors]
        raise Invalid(error.message, fix=error.fix, errors=found) from error
    metadata, spec = document["metadata"], document["spec"]
    named = metadata.get("annotations", {}).get(SUBJECT, "") or metadata["name"]
    name = naming.parse(named)
    candidate = Candidate(spec["definition"], _FORMATS[spec["type"]])
    there = selectors.find_subject(name)
    before = there.last_version if there is not None else 0
    try:
        row = services.register(actor, name, candidate, project=project.name)
    except (InvalidSchema, Incompatible, RegistryError) as error:
        own = FieldError("spec.definition", error.code, error.message, error.fix)
        raise Invalid(error.message, fix=error.fix, errors=[own]) from error
    if row.number <= before:
        return f"API {row.subject}: version {row.number} already."
    return f"API {row.subject}: version {row.number} registered."


kinds.register(EntityKind("API", read))
