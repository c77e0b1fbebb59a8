"""The handlers that register, look up, check and delete, and those of compatibility and mode."""

from __future__ import annotations

from schemas import naming, selectors, services
from schemas.configuration import Place
from schemas.errors import InvalidMode, LevelNotConfigured, ModeNotConfigured, TooLarge
from schemas.formats.base import MAX_TEXT
from schemas.models import Settings
from schemas.naming import SubjectName
from schemas.parsing import Candidate
from schemas.wire import bodies
from schemas.wire.calls import Reply, Request
from schemas.wire.reading import rendered


def _candidate(request: Request) -> Candidate:
    found = bodies.candidate(request.json)
    if len(found.text) > MAX_TEXT:
        raise TooLarge(f"The schema has more than {MAX_TEXT} characters.")
    return found


# -- schemas --------------------------------------------------------------------------------------


def register(request: Request) -> Reply:
    row = services.register(
        request.actor,
        request.subject,
        _candidate(request),
        normalize=request.flag("normalize"),
        project=request.project,
    )
    return Reply(bodies.registered(row))


def look_up(request: Request) -> Reply:
    row = services.look_up(
        request.actor,
        request.subject,
        _candidate(request),
        normalize=request.flag("normalize"),
        deleted=request.flag("deleted"),
    )
    return Reply(bodies.version(row, rendered(row.schema, request.text("format"))))


def check(request: Request) -> Reply:
    """Against one version, or against all that the level asks for where the path names none."""
    text = request.parts.get("version")
    report = services.check_candidate(
        request.actor,
        request.subject,
        _candidate(request),
        version=None if text is None else selectors.version_number(text),
        normalize=request.flag("normalize"),
    )
    value: dict[str, object] = {"is_compatible": report.compatible}
    if request.flag("verbose"):
        value["messages"] = report.messages
    return Reply(value)


def delete_subject(request: Request) -> Reply:
    permanent = request.flag("permanent")
    return Reply(services.delete_subject(request.actor, request.subject, permanent=permanent))


def delete_version(request: Request) -> Reply:
    number = selectors.version_number(request.parts["version"])
    permanent = request.flag("permanent")
    return Reply(
        services.delete_version(request.actor, request.subject, number, permanent=permanent)
    )


# -- settings -------------------------------------------------------------------------------------


def _place(request: Request, name: SubjectName) -> tuple[Place, Settings | None]:
    """Where a name's settings come from, and the row of its own where it has one."""
    if name.context == naming.GLOBAL:
        context = selectors.registry()
        return Place(context), context
    place = selectors.place(request.actor, name)
    return place, place.subject if name.name else place.context


def get_config(request: Request) -> Reply:
    name = request.place
    place, own = _place(request, name)
    if own is not None and bodies.configuration(own):
        level = place.level if not name.name else None
        return Reply(bodies.configuration(own, level))
    if name.name and not request.flag("defaultToGlobal"):
        raise LevelNotConfigured(name)
    return Reply(bodies.effective(place))


def set_config(request: Request) -> Reply:
    values = bodies.settings(request.json)
    services.set_settings(request.actor, request.place, values, project=request.project)
    body = {key: item for key, item in request.json.items() if key in bodies.SETTINGS}
    if "level" in values:
        body["compatibility"] = values["level"]
    return Reply(body)


def clear_config(request: Request) -> Reply:
    name = request.place
    before = services.clear_settings(request.actor, name)
    if not before["level"]:
        before["level"] = str(selectors.place(request.actor, name).level)
    return Reply({"compatibilityLevel": before["level"]})


def get_mode(request: Request) -> Reply:
    name = request.place
    place, own = _place(request, name)
    if own is not None and own.mode:
        return Reply({"mode": own.mode})
    if name.name and not request.flag("defaultToGlobal"):
        raise ModeNotConfigured(name)
    return Reply({"mode": place.mode})


def set_mode(request: Request) -> Reply:
    mode = request.json.get("mode")
    if not isinstance(mode, str):
        raise InvalidMode("The body has no “mode”.")
    found = services.set_mode(
        request.actor,
        request.place,
        mode.upper(),
        force=request.flag("force"),
        project=request.project,
    )
    return Reply({"mode": found})


def clear_mode(request: Request) -> Reply:
    return Reply({"mode": services.clear_mode(request.actor, request.place)})
