"""An archive goes out and comes back as it was; one that somebody made up is refused."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Iterable
from typing import Any

import pytest

from idp.common.errors import Clash, Invalid
from rbac.actors import Actor
from schemas import naming
from schemas import services as registry
from schemas.models import Schema, SchemaReference, Subject, SubjectVersion
from schemas.parsing import Reference
from schemas.transfer import archives, services
from schemas.transfer.models import ImportRun
from tests.rbac.factories import Characters
from tests.schemas.factories import record, register
from tests.schemas.transfer.conftest import carried

ITEM = record(("id", "int"), name="Item")
LINE = record(("item", "Item"), name="Line")
ONE, TWO = record(("id", "long")), record(("id", "long"), ("note", "string", ""))


@pytest.fixture
def held(people: Characters) -> list[tuple[Any, ...]]:
    """Two subjects, one of which refers to the other, with a gap and a level of its own."""
    dana = Actor(people.developer)
    register(dana, "z-item", ITEM)
    uses = (Reference("Item", "z-item", 1),)
    register(dana, "a-line/ä", LINE, references=uses)
    register(dana, "orders-value", ONE, TWO)
    name = naming.parse("orders-value")
    registry.delete_version(dana, name, 1)
    registry.set_settings(Actor(people.maintainer), name, {"level": "FULL"})
    return there()


def there() -> list[tuple[Any, ...]]:
    rows = SubjectVersion.objects.filter(deleted_at=None).order_by("subject__name", "number")
    columns = ("subject__name", "subject__level", "number", "schema__number", "schema__guid")
    return list(rows.values_list(*columns, "schema__text"))


def packed(rest: Any) -> bytes:
    answer = rest("viewer").client.get("/api/v1/schemas/export/")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def emptied() -> None:
    for model in (SchemaReference, SubjectVersion, Subject, Schema):
        model.objects.all().delete()


def sent(rest: Any, body: bytes, status: int, query: str = "") -> Any:
    rest = rest("maintainer")
    answer = rest.client.post(
        f"/api/v1/schemas/imports/archive/?project=orders&name=moved{query}",
        body,
        content_type="application/zip",
    )
    assert answer.status_code == status, answer.content
    return answer.json()


def test_what_goes_out_comes_back_with_its_ids(rest: Any, held: list[Any]) -> None:
    body = packed(rest)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert len(names) == 1 + len(held)
    assert {one["subject"] for one in manifest["versions"]} == {row[0] for row in held}
    emptied()
    made = sent(rest, body, 202)
    run = carried(ImportRun.objects.get(pk=made["id"]))
    assert run.state == "ready"
    rest("maintainer")("POST", f"schemas/imports/{run.pk}/", {"action": "confirm"}, 200)
    assert carried(ImportRun.objects.get(pk=run.pk)).state == "done"
    assert there() == held


def test_twice_is_once(rest: Any, held: list[Any]) -> None:
    """What stands there already is told, and nothing is made anew."""
    made = sent(rest, packed(rest), 202)
    run = carried(ImportRun.objects.get(pk=made["id"]))
    assert set(run.versions.values_list("outcome", flat=True)) == {"there"}
    assert there() == held


def test_who_sees_little_exports_little(rest: Any, held: list[Any]) -> None:
    answer = rest("stranger").client.get("/api/v1/schemas/export/")
    content = b"".join(answer.streaming_content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["manifest.json"]


def test_a_request_that_comes_twice_is_one_import(people: Characters, held: list[Any]) -> None:
    mia = Actor(people.maintainer)
    given = {"url": "http://127.0.0.1:1", "idempotency_key": "once"}
    first = services.import_registry(mia, people.project, **given)
    assert services.import_registry(mia, people.project, **given) == first
    with pytest.raises(Clash, match="was used for import"):
        services.import_registry(mia, people.project, **{**given, "url": "http://127.0.0.1:2"})


Entry = tuple[str | zipfile.ZipInfo, str | bytes]


def made_up(entries: Iterable[Entry]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return out.getvalue()


def manifest(*files: str, **more: Any) -> Entry:
    versions = [
        {"subject": f"s{n}", "version": 1, "id": n + 1, "schemaType": "AVRO", "file": file}
        for n, file in enumerate(files)
    ]
    return "manifest.json", json.dumps({"format": archives.FORMAT, "versions": versions, **more})


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("schemas/default/s/1.avsc")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


FILE = "schemas/default/s/1.avsc"
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no archive": b"PK\x03\x04 but no more",
    "no manifest": made_up([(FILE, ONE)]),
    "a manifest that is a list": made_up([("manifest.json", "[]")]),
    "a manifest that is deep": made_up([("manifest.json", "[" * 50_000)]),
    "another format": made_up([("manifest.json", '{"format": "other/9", "versions": []}')]),
    "a file that is not there": made_up([manifest(FILE)]),
    "a link": made_up([manifest(FILE), (link(), "/etc/passwd")]),
    "a bomb": made_up([manifest(FILE), (FILE, "0" * 60_000_000)]),
    "bytes": made_up([manifest(FILE), (FILE, b"\xff\xfe")]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_no_export_wrote_is_refused_or_named(rest: Any, people: Characters, what: str) -> None:
    """Nothing of it is registered; most is refused at once, a bad text is named in the report."""
    rest_ = rest("maintainer")
    answer = rest_.client.post(
        "/api/v1/schemas/imports/archive/?project=orders",
        HOSTILE[what],
        content_type="application/zip",
    )
    if answer.status_code == 202:
        run = carried(ImportRun.objects.get(pk=answer.json()["id"]))
        assert set(run.versions.values_list("outcome", flat=True)) <= {"refused"}
    else:
        assert answer.status_code == 422, answer.content
        assert answer.json()["detail"]
    assert not Subject.objects.exists()


def test_an_archive_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_VERSIONS", 2)
    files = [f"schemas/default/s/{n}.avsc" for n in range(4)]
    with pytest.raises(Invalid):
        archives.unpack(io.BytesIO(made_up([manifest(*files), *((file, ONE) for file in files)])))


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "C:\\\\x", "a/../../b"])
def test_a_name_in_an_archive_leads_nowhere(rest: Any, people: Characters, path: str) -> None:
    """Texts are read into memory and never unpacked to a path."""
    made = sent(rest, made_up([manifest(path), (path, ONE)]), 202)
    run = carried(ImportRun.objects.get(pk=made["id"]))
    assert set(run.versions.values_list("outcome", flat=True)) == {"ready"}
