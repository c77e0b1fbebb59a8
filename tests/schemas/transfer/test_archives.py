"""Exports as archives, imports of them, and archives that strangers made."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from idp.common.errors import Clash, Invalid
from rbac.actors import Actor
from schemas import naming
from schemas import services as registry
from schemas.listing import Filters
from schemas.models import Schema, Subject, SubjectVersion
from schemas.parsing import Reference
from schemas.transfer import archives, selectors, services
from schemas.transfer.models import ImportRun
from tests.rbac.factories import Characters, make_project
from tests.schemas.factories import V1, V2, record, register
from tests.schemas.transfer.conftest import Rest, carried, signed_in

LINE = '{"type":"record","name":"Line","fields":[{"name":"order","type":"Order"}]}'


def archive(actor: Actor, filters: Filters | None = None, **options: Any) -> zipfile.ZipFile:
    data = b"".join(selectors.exported(actor, filters or Filters(), **options))
    return zipfile.ZipFile(io.BytesIO(data))


def manifest(of: zipfile.ZipFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(of.read("manifest.json"))
    return found


def state() -> list[tuple[Any, ...]]:
    """Everything that travels, as it stands here."""
    rows = SubjectVersion.objects.order_by("subject__context__name", "subject__name", "number")
    columns = (
        "subject__context__name", "subject__name", "number", "schema__number", "schema__guid",
        "schema__text", "schema__references", "subject__level", "subject__latest",
    )  # fmt: skip
    return list(rows.values_list(*columns))


@pytest.fixture
def shop(people: Characters, mia: Actor) -> None:
    register(mia, "orders/value ä", V1, V2)
    used = (Reference("Order", "orders/value ä", 1),)
    register(mia, "lines", LINE, references=used)
    register(mia, ":.legacy:orders", V2)
    registry.set_settings(mia, naming.parse("lines"), {"level": "FULL_TRANSITIVE"})
    register(mia, "gone", record(("x", "int"), name="Gone"))
    registry.delete_subject(mia, naming.parse("gone"))


@pytest.mark.usefixtures("shop")
class TestExport:
    def test_a_file_for_each_version_and_a_manifest(self, mia: Actor) -> None:
        found = archive(mia)
        said = manifest(found)
        assert found.testzip() is None
        assert said["format"] == "slipway-schemas/1"
        rows = {(row["subject"], row["version"]): row for row in said["versions"]}
        assert set(rows) == {
            ("orders/value ä", 1), ("orders/value ä", 2), ("lines", 1), (":.legacy:orders", 1),
        }  # fmt: skip
        line = rows["lines", 1]
        assert line["references"] == [{"name": "Order", "subject": "orders/value ä", "version": 1}]
        assert found.read(line["file"]).decode() == LINE
        assert line["guid"] == str(Schema.objects.get(number=line["id"], text=LINE).guid)
        assert said["subjects"]["lines"]["compatibilityLevel"] == "FULL_TRANSITIVE"
        assert len(found.namelist()) == 5

    def test_what_a_chosen_subject_refers_to_comes_along(self, mia: Actor) -> None:
        chosen = Filters(name="lines")
        names = [row["subject"] for row in manifest(archive(mia, chosen))["versions"]]
        assert names == ["lines", "orders/value ä"]
        alone = manifest(archive(mia, chosen, alone=True))["versions"]
        assert [row["subject"] for row in alone] == ["lines"]

    def test_deleted_versions_come_where_they_are_wanted(self, mia: Actor) -> None:
        rows = manifest(archive(mia, deleted=True))["versions"]
        assert [row["subject"] for row in rows if row.get("deleted")] == ["gone"]

    def test_nobody_exports_what_they_may_not_see(self, people: Characters, ada: Actor) -> None:
        make_project("secret")
        register(ada, "hidden", record(("h", "int"), name="Hidden"), project="secret")
        client = signed_in(people.viewer)
        answer = client.get("/api/v1/schemas/export/?project=secret")
        assert answer["Content-Type"] == "application/zip"
        body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
        assert manifest(zipfile.ZipFile(io.BytesIO(body)))["versions"] == []

    def test_no_name_leads_out_of_the_archive(self, mia: Actor) -> None:
        register(mia, "../../etc/passwd", record(("p", "int"), name="P"))
        for name in archive(mia).namelist():
            assert ".." not in name
            assert not name.startswith("/")


@pytest.mark.usefixtures("shop")
def test_an_archive_brings_everything_back(
    people: Characters, mia: Actor, rest: Callable[[str], Rest]
) -> None:
    before = state()
    data = b"".join(selectors.exported(mia, Filters(), deleted=True))
    SubjectVersion.objects.filter(schema__uses__isnull=False).delete()
    Schema.objects.filter(text=LINE).delete()
    SubjectVersion.objects.all().delete()
    Subject.objects.all().delete()
    Schema.objects.all().delete()
    client = rest("maintainer").client
    made = posted(client, data, "project=orders&deleted=true&name=shop.zip")
    assert (made["kind"], made["source"], made["state"]) == ("archive", "shop.zip", "reading")
    run = carried(ImportRun.objects.get(pk=made["id"]))
    assert made["counts"]["sentence"] == "4 subjects, 5 versions."
    assert not Subject.objects.exists()
    carried(services.confirm(mia, run))
    assert state() == before


def posted(client: Client, data: bytes, query: str, status: int = 202) -> Any:
    answer = client.post(
        f"/api/v1/schemas/imports/archive/?{query}", data, content_type="application/zip"
    )
    assert answer.status_code == status, answer.content
    return answer.json()


# -- what strangers send --------------------------------------------------------------------------

ONE: dict[str, Any] = {"subject": "orders", "version": 1, "id": 1, "file": "a.avsc"}


def zipped(*versions: dict[str, Any], files: dict[str, str | bytes] | None = None) -> io.BytesIO:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in ({"a.avsc": V1} if files is None else files).items():
            made.writestr(name, text)
        said = {"format": archives.FORMAT, "versions": list(versions or [ONE])}
        made.writestr("manifest.json", json.dumps(said))
    data.seek(0)
    return data


def link() -> io.BytesIO:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        info = zipfile.ZipInfo("a.avsc")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/passwd")
        made.writestr("manifest.json", "{}")
    data.seek(0)
    return data


def with_manifest(text: bytes) -> io.BytesIO:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        made.writestr("manifest.json", text)
    data.seek(0)
    return data


HOSTILE = {
    "no zip": (lambda: io.BytesIO(b"PK but not a zip"), "no archive"),
    "nothing": (lambda: io.BytesIO(b""), "no archive"),
    "cut": (lambda: io.BytesIO(zipped().getvalue()[:-40]), "no archive"),
    "a link": (link, "link or a device"),
    "no manifest": (lambda: io.BytesIO(_without_manifest()), "no manifest.json"),
    "no json": (lambda: with_manifest(b"{"), "no JSON"),
    "deep json": (lambda: with_manifest(b"[" * 200_000), "no JSON"),
    "another format": (lambda: with_manifest(b'{"format": "other"}'), "not of the format"),
    "no list": (lambda: with_manifest(b'{"format": "slipway-schemas/1"}'), "lists no versions"),
    "a way out": (lambda: zipped({**ONE, "file": "../../etc/passwd"}), "not there"),
    "used twice": (lambda: zipped(ONE, {**ONE, "version": 2}), "used twice"),
    "no file": (lambda: zipped({"subject": "orders"}), "has no “file”"),
    "no object": (lambda: zipped("x"), "has no “file”"),  # type: ignore[arg-type]  # that is the point
    "a bomb": (lambda: zipped(files={"a.avsc": b" " * (archives.MAX_TEXT_BYTES + 1)}), "more than"),
    "no text": (lambda: zipped(files={"a.avsc": b"\xff\xfe"}), "not UTF-8"),
}  # fmt: skip


def _without_manifest() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        made.writestr("a.avsc", V1)
    return data.getvalue()


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_export_makes_is_refused_whole(people: Characters, mia: Actor, name: str) -> None:
    make, words = HOSTILE[name]
    with pytest.raises(Invalid, match=words):
        services.import_archive(mia, people.project, file=make(), name="x.zip")
    assert not ImportRun.objects.exists()


def test_a_bomb_of_many_files_is_refused_by_its_sum(
    people: Characters, mia: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "Budget", lambda: services.storing.Budget(characters=1000))
    files: dict[str, str | bytes] = {f"{n}.avsc": V1 + " " * 400 for n in range(5)}
    versions = [{**ONE, "version": n + 1, "file": f"{n}.avsc"} for n in range(5)]
    with pytest.raises(Invalid, match="more than an import takes"):
        services.import_archive(
            mia, people.project, file=zipped(*versions, files=files), name="bomb"
        )


def test_an_entry_that_stands_there_twice_is_refused(people: Characters, mia: Actor) -> None:
    data = zipped()
    with (
        zipfile.ZipFile(data, "a") as made,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        made.writestr("a.avsc", V2)
    data.seek(0)
    with pytest.raises(Invalid, match="twice"):
        services.import_archive(mia, people.project, file=data, name="twice")


def test_a_wrong_version_is_left_out_and_named(people: Characters, mia: Actor) -> None:
    files: dict[str, str | bytes] = {
        "a.avsc": V1,
        "b.avsc": V2,
        "c.avsc": V1,
        "d.avsc": V2,
        "e.avsc": V2,
    }
    versions = [
        ONE,
        {**ONE, "version": 2, "id": True, "file": "b.avsc"},
        {**ONE, "version": 3, "guid": "\x00", "file": "d.avsc"},
        {**ONE, "version": 4, "metadata": {"properties": {"a": "\ud800"}}, "file": "e.avsc"},
        {**ONE, "subject": "a\x00b", "file": "c.avsc"},
    ]
    run = services.import_archive(
        mia, people.project, file=zipped(*versions, files=files), name="x"
    )
    assert [row.number for row in run.versions.all()] == [1]
    problem = run.subjects.get().problem
    assert all(f"Version {number}: " in problem for number in (2, 3, 4))


def test_an_archive_that_is_too_large_is_not_read(
    people: Characters, rest: Callable[[str], Rest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_FILE", 100)
    client = rest("maintainer").client
    assert "more than 100 bytes" in posted(client, b"x" * 200, "project=orders", 422)["detail"]
    posted(client, b"", "project=orders", 422)
    posted(client, zipped().getvalue()[:90], "project=orders&rules=nothing", 422)
    posted(rest("developer").client, b"x", "project=orders", 403)


def test_a_request_that_comes_twice_is_one_import(people: Characters) -> None:
    mia = Actor(people.maintainer)
    given = {"registry": "http://127.0.0.1:1", "idempotency_key": "once"}
    first = services.import_registry(mia, people.project, **given)
    assert services.import_registry(mia, people.project, **given) == first
    with pytest.raises(Clash, match="was used for import"):
        services.import_registry(mia, people.project, **{**given, "registry": "http://127.0.0.1:2"})


def test_a_key_of_another_archive_is_refused(people: Characters, mia: Actor) -> None:
    register(mia, "orders-value", V1)
    first = b"".join(selectors.exported(mia, Filters()))
    register(mia, "orders-value", V2)
    second = b"".join(selectors.exported(mia, Filters()))

    def sent(data: bytes) -> ImportRun:
        return services.import_archive(
            mia, people.project, file=io.BytesIO(data), name="", idempotency_key="once"
        )

    run = sent(first)
    assert sent(first).pk == run.pk
    with pytest.raises(Clash, match="Idempotency-Key was used"):
        sent(second)
    assert ImportRun.objects.count() == 1
