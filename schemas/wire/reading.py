"""The handlers that read: schemas by id and guid, subjects, versions and their references."""

from __future__ import annotations

from schemas import checking, naming, selectors
from schemas.errors import SchemaNotFound, SubjectNotFound
from schemas.formats import protobuf
from schemas.formats.base import FormatName
from schemas.models import Schema, SubjectVersion
from schemas.wire import bodies, byid
from schemas.wire.calls import Refused, Reply, Request

_MAX_ID = 19  # digits; what a column holds


def contexts(request: Request) -> Reply:
    return Reply(selectors.contexts(request.actor)[request.page])


# -- schemas --------------------------------------------------------------------------------------


def rendered(row: Schema, wanted: str) -> str:
    """The text in the form that `format` asks for; the one that was registered by default."""
    if wanted == "serialized" and row.format == FormatName.PROTOBUF:
        parsed = checking.parse_stored(row)
        if isinstance(parsed, protobuf.ProtobufSchema):
            return protobuf.serialized(parsed)
    return row.text


def _number(request: Request) -> int:
    text = request.parts["id"]
    if not (text.isascii() and text.isdigit() and len(text) < _MAX_ID):
        raise Refused(404, "HTTP 404 Not Found")
    return int(text)


def _context_of(request: Request) -> str:
    """An id's context: the subject's that came along, else the path's."""
    subject = request.text("subject")
    return naming.place(subject, request.context).context if subject else request.context


def _by_id(request: Request) -> Schema:
    return selectors.schema(request.actor, _context_of(request), _number(request))


def schema_by_id(request: Request) -> Reply:
    if not request.call.query:
        return byid.reply(request.actor, request.context, _number(request))
    row, wanted = _by_id(request), request.text("format")
    value = bodies.schema(row, rendered(row, wanted))
    value["guid"] = str(row.guid)
    if request.flag("fetchMaxId"):
        return Reply({**value, "maxId": selectors.highest_id(_context_of(request))})
    return Reply(value, etag=f"{row.guid}-{wanted}", immutable=True)


def schema_text_by_id(request: Request) -> Reply:
    row, wanted = _by_id(request), request.text("format")
    return Reply(rendered(row, wanted), text=True, etag=f"{row.guid}-{wanted}", immutable=True)


def _uses(request: Request) -> list[SubjectVersion]:
    rows = selectors.uses_of(request.actor, _context_of(request), _number(request))
    found = list(rows.defer("schema__text"))
    if not found:
        raise SchemaNotFound(_number(request))
    if not request.flag("deleted"):
        found = [row for row in found if row.deleted_at is None]
    subject = request.text("subject")
    name = naming.split(subject, request.context) if subject else None
    if name is not None and name.name:
        found = [row for row in found if row.subject.name == name.name]
    return found


def subjects_by_id(request: Request) -> Reply:
    names = dict.fromkeys(str(row.subject) for row in _uses(request))
    return Reply(list(names)[request.page])


def versions_by_id(request: Request) -> Reply:
    return Reply([bodies.subject_version(row) for row in _uses(request)][request.page])


def schema_by_guid(request: Request) -> Reply:
    row = selectors.schemas_by_guid(request.actor, request.parts["guid"])[0]
    wanted = request.text("format")
    value = {**bodies.schema(row, rendered(row, wanted)), "guid": str(row.guid)}
    return Reply(value, etag=f"{row.guid}-{wanted}", immutable=True)


def ids_by_guid(request: Request) -> Reply:
    rows = selectors.schemas_by_guid(request.actor, request.parts["guid"])
    return Reply([bodies.context_id(row) for row in rows])


def _prefix(request: Request) -> tuple[str, str]:
    """The context and the start of names that a list is about; without a word, all contexts."""
    text = request.text("subjectPrefix")
    if not text:
        explicit = request.context != naming.DEFAULT
        return (request.context if explicit else naming.WILDCARD), ""
    found = naming.split(text, request.context)
    return found.context, found.name


def schemas(request: Request) -> Reply:
    within, prefix = _prefix(request)
    rows = selectors.all_versions(
        request.actor,
        within=within,
        prefix=prefix,
        deleted=request.flag("deleted"),
        latest_only=request.flag("latestOnly"),
    )
    return Reply([bodies.version(row) for row in rows[request.page]])


# -- subjects and versions ----------------------------------------------------------------------


def subjects(request: Request) -> Reply:
    within, prefix = _prefix(request)
    rows = selectors.subjects(
        request.actor,
        within=within,
        prefix=prefix,
        deleted=request.flag("deleted"),
        deleted_only=request.flag("deletedOnly"),
    )
    names = rows.values_list("context__name", "name")[request.page]
    return Reply([naming.qualified(context, name) for context, name in names])


def versions(request: Request) -> Reply:
    subject = selectors.read_subject(request.actor, request.subject)
    rows = selectors.versions(
        subject, deleted=request.flag("deleted"), deleted_only=request.flag("deletedOnly")
    )
    found = list(rows.values_list("number", flat=True)[request.page])
    if not found and not request.number("offset", 0):
        raise SubjectNotFound(request.subject)
    return Reply(found)


def _version(request: Request) -> SubjectVersion:
    number = selectors.version_number(request.parts["version"])
    return selectors.named_version(
        request.actor, request.subject, number, deleted=request.flag("deleted")
    )


def version(request: Request) -> Reply:
    row, wanted = _version(request), request.text("format")
    etag = f"{row.schema.guid}-{row.number}-{wanted}-{row.deleted_at is None}"
    return Reply(bodies.version(row, rendered(row.schema, wanted)), etag=etag)


def version_text(request: Request) -> Reply:
    row, wanted = _version(request), request.text("format")
    return Reply(rendered(row.schema, wanted), text=True, etag=f"{row.schema.guid}-{wanted}")


def latest_with_metadata(request: Request) -> Reply:
    keys, values = request.query.get("key", []), request.query.get("value", [])
    wanted = dict(zip(keys, values, strict=False))
    row = selectors.latest_with_metadata(
        request.actor, request.subject, wanted, deleted=request.flag("deleted")
    )
    return Reply(bodies.version(row, rendered(row.schema, request.text("format"))))


def referenced_by(request: Request) -> Reply:
    number = selectors.version_number(request.parts["version"])
    row = selectors.named_version(request.actor, request.subject, number, deleted=True)
    return Reply(selectors.referenced_by(row)[request.page])
