"""Imports from archives, as far as a worker carries them."""

from __future__ import annotations

import io
import json
import zipfile

from rbac.actors import Actor
from rbac.models import Project
from schemas.transfer import archives, runs, services
from schemas.transfer.models import ImportRun
from tests.schemas.factories import V1, record

BAD = '{"type":"record"}'


def packed(*versions: tuple[str, int, int, str]) -> io.BytesIO:
    """An archive of versions by subject, number, id and text."""
    data, said = io.BytesIO(), []
    with zipfile.ZipFile(data, "w") as made:
        for subject, number, schema_id, text in versions:
            path = f"{len(said)}.avsc"
            made.writestr(path, text)
            row = {"subject": subject, "version": number, "id": schema_id, "file": path}
            said.append({**row, "compatibilityLevel": "FULL"})
        manifest = {"format": archives.FORMAT, "versions": said}
        made.writestr("manifest.json", json.dumps(manifest))
    data.seek(0)
    return data


def make_import(actor: Actor, project: Project) -> ImportRun:
    """A run to confirm: one version would come, one collides with id 1, one is no schema."""
    archive = packed(
        ("returns-value", 1, 901, record(("id", "long"), ("reason", "string"), name="Return")),
        ("returns-value", 2, 1, record(("id", "long"), ("note", "string"), name="Return")),
        ("stock-value", 1, 902, BAD),
    )
    run = services.import_archive(actor, project, file=archive, name="warehouse.zip")
    runs.work(run.pk)
    run.refresh_from_db()
    return run


def make_done(actor: Actor, project: Project) -> ImportRun:
    """A run that is over; its schema is here now."""
    run = services.import_archive(
        actor,
        project,
        file=packed(("parcels-value", 1, 950, V1.replace("Order", "Parcel"))),
        name="parcels.zip",
    )
    runs.work(run.pk)
    run.refresh_from_db()
    services.confirm(actor, run)
    runs.work(run.pk)
    run.refresh_from_db()
    return run
