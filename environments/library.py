"""The blueprints that ship with Slipway: files in `blueprints/`, published when migrations end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from environments.models import Blueprint, BlueprintVersion
from environments.rendering.parameters import check_schema
from environments.rendering.template import compile_template
from idp.changes.plans import digest
from idp.common import yaml

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent / "blueprints"


@dataclass(frozen=True)
class Shipped:
    """One file: a header with the parameter schema, `---`, and the template as it is stored."""

    name: str
    title: str
    description: str
    version: str
    notes: str
    schema: dict[str, Any]
    template: str

    @property
    def digest(self) -> str:
        return version_digest(self.schema, self.template)


def version_digest(schema: dict[str, Any], template: str) -> str:
    """What names a version's exact content, in plans and in the audit trail."""
    return digest([schema, template])


def read(path: Path) -> Shipped:
    """A file's blueprint, checked; raises `Invalid`."""
    head, _, template = path.read_text().partition("\n---\n")
    header = yaml.load(head)
    check_schema(header["schema"])
    compile_template(template)
    return Shipped(template=template, **header)


def shipped() -> list[Shipped]:
    """Every blueprint that comes with this version of Slipway."""
    return [read(path) for path in sorted(FOLDER.glob("*.yaml"))]


def publish_shipped(**_: Any) -> None:
    """Store the shipped blueprints where they are new; called after each migration.

    A version that environments use is never changed: a file that differs without a new version
    number is reported and left out.
    """
    for item in shipped():
        with transaction.atomic():
            _store(item)


def _store(item: Shipped) -> None:
    blueprint, _ = Blueprint.objects.update_or_create(
        name=item.name,
        defaults={"title": item.title, "description": item.description, "builtin": True},
    )
    version = BlueprintVersion.objects.filter(blueprint=blueprint, version=item.version).first()
    if version is None:
        version = BlueprintVersion(blueprint=blueprint, version=item.version)
    elif version.digest == item.digest:
        return
    elif version.environments.exists():
        log.warning("%s is in use and differs from the file; raise its version", version)
        return
    version.schema, version.template, version.digest = item.schema, item.template, item.digest
    version.notes = item.notes
    version.published_at = version.published_at or timezone.now()
    version.save()
