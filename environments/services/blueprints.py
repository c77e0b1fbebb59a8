"""Blueprints by people: a draft may be edited, a published version never."""

from __future__ import annotations

import re
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments.library import version_digest
from environments.models import Blueprint, BlueprintVersion
from environments.rendering.document import check_name, field_error
from environments.rendering.parameters import check_schema
from environments.rendering.template import compile_template
from idp.common.errors import Clash
from rbac import audit
from rbac.access import require
from rbac.actors import Actor

_SEMVER = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(-[0-9A-Za-z.-]{1,20})?")


def check_version(schema: Any, template: str, version: str) -> None:
    """Raise `Invalid` for what could not be published."""
    if not _SEMVER.fullmatch(version):
        message = f"“{version[:30]}” is no version."
        raise field_error("version", "semver", message, "Use three numbers, like 1.2.0.")
    check_schema(schema)
    compile_template(template)


def create_version(
    actor: Actor,
    *,
    blueprint: str,
    version: str,
    schema: Any,
    template: str,
    title: str = "",
    description: str = "",
    notes: str = "",
    publish: bool = False,
) -> BlueprintVersion:
    """A new version, of a new blueprint where the name is new; a draft unless published."""
    require(actor, "blueprint.manage", None)
    check_name(blueprint, "name")
    check_version(schema, template, version)
    with transaction.atomic():
        row, _ = Blueprint.objects.get_or_create(
            name=blueprint, defaults={"title": title or blueprint, "description": description}
        )
        made = BlueprintVersion(
            blueprint=row,
            version=version,
            schema=schema,
            template=template,
            digest=version_digest(schema, template),
            notes=notes,
            published_at=timezone.now() if publish else None,
        )
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise Clash(f"{made} exists already.", fix="Raise the version.") from error
        after = {"digest": made.digest, "published": publish}
        audit.record(actor, "blueprint.create-version", target=made, after=after)
    return made


def publish_version(actor: Actor, version: BlueprintVersion) -> BlueprintVersion:
    """Make a draft usable, and its content final."""
    require(actor, "blueprint.manage", None)
    check_version(version.schema, version.template, version.version)
    with transaction.atomic():
        rows = BlueprintVersion.objects.filter(pk=version.pk, published_at=None)
        if not rows.update(
            published_at=timezone.now(), digest=version_digest(version.schema, version.template)
        ):
            raise Clash(f"{version} is published already.")
        version.refresh_from_db()
        audit.record(actor, "blueprint.publish", target=version, after={"digest": version.digest})
    return version
