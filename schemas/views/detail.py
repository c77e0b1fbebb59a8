"""The page of one subject, tab by tab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.errors import Invalid, NotVisible, SlipwayError
from idp.common.host import Page
from rbac.access import can, decide, visible
from rbac.actors import Actor
from rbac.auditlog import AuditFilter, records
from rbac.views.mixins import AccessMixin
from schemas import beside, listing, permissions, reviewing, samples, selectors, snippets, texts
from schemas.addresses import api_of, page_of
from schemas.configuration import Place
from schemas.datafiles import checking
from schemas.dependants import graph, impact, parties
from schemas.errors import InvalidVersion, VersionNotFound
from schemas.formats.base import FormatName
from schemas.models import Subject, SubjectVersion
from schemas.policies import selectors as policies
from schemas.views.lists import registry_address
from schemas.words import MEANINGS, STEPS, look_of

MAX_VERSIONS = 100  # of the timeline; older ones are reached by their address
MAX_USES = 100
MAX_HISTORY = 100
_TABS = (
    ("", "Schema"),
    ("differences", "Differences"),
    ("dependants", "Dependants"),
    ("policies", "Policies"),
    ("data", "Data"),
    ("history", "History"),
)
# Action, label, icon, permission, and whether it is decided at the project.
_ACTIONS = (
    ("edit", "Describe…", "pencil", permissions.MANAGE, False),
    ("lifecycle", "Lifecycle…", "hourglass", permissions.MANAGE, False),
    ("settings", "Compatibility…", "settings", permissions.CONFIGURE, True),
    ("delete", "Delete…", "trash", permissions.DELETE, False),
)
_PURGE = ("delete", "Delete for good…", "trash", permissions.PURGE, True)


class SubjectPage(AccessMixin):
    permission = permissions.VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._show(request, pk, request.GET.get("tab", ""))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Check pasted records; nothing is stored, so that seeing the subject is enough."""
        return self._show(request, pk, "data")

    def _show(self, request: HttpRequest, pk: int, tab: str) -> HttpResponse:
        subject = listing.subject(self.actor, pk)
        tab = tab if tab in _PARTS else ""
        context = {**frame(self.actor, subject, tab), "tab": tab, **_PARTS[tab](self, subject)}
        status = 422 if context.get("refused") or context.get("file_refused") else 200
        return render(request, f"schemas/subject/{tab or 'schema'}.html", context, status=status)


def frame(actor: Actor, subject: Subject, tab: str | None = None) -> dict[str, Any]:
    """What every page about a subject shows around its content."""
    place, url = Place(subject.context, subject), page_of(subject)
    return {
        "page": Page(
            str(subject),
            [("Schemas", reverse("schemas:list"))],
            api=api_of(subject),
            owner=f"team {subject.owner.name}",
            permission=permissions.VIEW,
            nav="schemas:list",
        ),
        "subject": subject,
        "qualified": str(subject),
        "look": look_of(subject),
        "level": reviewing.level_of(place),
        "policy": reviewing.policy_of(place),
        "mode": reviewing.mode_of(place),
        "url": url,
        "actions": actions(actor, subject),
        "tabs": [
            {
                "label": title,
                "url": f"{url}?{urlencode({'tab': name})}" if name else url,
                "current": name == tab,
                "count": None,
            }
            for name, title in _TABS
            if name != "data" or subject.format not in beside.FORMATS
        ],
    }


def actions(actor: Actor, subject: Subject) -> list[dict[str, Any]]:
    """What can be done to it; those not allowed say what is missing."""
    found = []
    table = _ACTIONS if subject.latest else (*_ACTIONS[:-1], _PURGE)
    for name, label, icon, permission, at_project in table:
        decision = decide(actor, permission, subject.scope if at_project else subject.keeper)
        found.append(
            {
                "label": label,
                "icon": icon,
                "allowed": decision.allowed,
                "reason": "" if decision.allowed else f"needs {permission}",
                "url": page_of(subject, name),
            }
        )
    return found


def version_of(subject: Subject, text: str) -> SubjectVersion:
    """The version that an address names, the newest for none; deleted ones are shown as such."""
    try:
        number = selectors.version_number(text or "latest")
        if number == selectors.LATEST and not subject.latest:
            number = subject.last_version
        return selectors.version(subject, number, deleted=True)
    except (InvalidVersion, VersionNotFound) as error:
        raise NotVisible(f"There is no version “{text[:20]}”.") from error


# -- tabs ---------------------------------------------------------------------------------------


def _dependants(view: SubjectPage, subject: Subject) -> dict[str, Any]:
    """Who is where, and how each gets on with the latest version."""
    if not subject.latest:
        return {"effects": []}
    try:
        found = impact.standing_of(view.actor, subject)
    except SlipwayError as error:
        return {"effects": [], "problem": error}
    return {
        "effects": found.effects[:MAX_USES],
        "left_out": max(0, len(found.effects) - MAX_USES),
        "breaking": len(found.hurt),
        "picture": graph.drawn(found.effects[: graph.MAX_DRAWN]),
        "only_seen": any(one.party.known == parties.TRAFFIC for one in found.effects),
    }


def _schema(view: SubjectPage, subject: Subject) -> dict[str, Any]:
    row = version_of(subject, view.request.GET.get("version", ""))
    text = texts.readable(FormatName(row.schema.format), row.schema.text)
    return {
        "version": row,
        "text": text[: texts.MAX_SHOWN],
        "cut": len(text) > texts.MAX_SHOWN,
        "size": len(row.schema.text),
        "versions": list(timeline(subject)[:MAX_VERSIONS]),
        "more_versions": subject.last_version > MAX_VERSIONS,
        "used_by": used_by(view.actor, row),
        "metadata": json.dumps(row.schema.metadata, indent=2) if row.schema.metadata else "",
        "meaning": MEANINGS.get(subject.state, ""),
        "steps": _steps(view.actor, subject),
        "may_delete": can(view.actor, permissions.DELETE, subject.keeper),
    }


def _steps(actor: Actor, subject: Subject) -> list[dict[str, str]]:
    """The steps of life that are open from here, for those who may take them."""
    if not subject.latest or not can(actor, permissions.MANAGE, subject.keeper):
        return []
    allowed = Subject.TRANSITIONS.get(subject.state, frozenset())
    return [{"value": value, "label": label} for value, label in STEPS.items() if value in allowed]


def timeline(subject: Subject) -> QuerySet[SubjectVersion]:
    """Every version, newest first, without its text."""
    rows = subject.versions.select_related("schema", "created_by").defer("schema__text")
    return rows.order_by("-number")


def used_by(actor: Actor, row: SubjectVersion) -> list[SubjectVersion]:
    """Visible living versions whose schema refers to this one."""
    rows = SubjectVersion.objects.filter(schema__uses__target=row, deleted_at=None)
    seen = visible(actor, permissions.VIEW, rows.select_related("subject__context"))
    return list(seen.order_by("subject__name", "number").distinct()[:MAX_USES])


def _differences(view: SubjectPage, subject: Subject) -> dict[str, Any]:
    numbers = list(subject.versions.order_by("-number").values_list("number", flat=True)[:500])
    context: dict[str, Any] = {"numbers": numbers, "comparison": None, "problem": None}
    if len(numbers) < 2 and "from" not in view.request.GET:  # noqa: PLR2004  # it takes two
        return context
    new = version_of(subject, view.request.GET.get("to", ""))
    before = [number for number in numbers if number < new.number] or numbers
    old = version_of(subject, view.request.GET.get("from", "") or str(before[0]))
    try:
        found = reviewing.compare_versions(Place(subject.context, subject), old, new)
        context["comparison"] = found
    except SlipwayError as error:
        context["problem"] = error
    both = [texts.readable(FormatName(row.schema.format), row.schema.text) for row in (old, new)]
    lines = texts.side_by_side(*both)
    whole = view.request.GET.get("whole") == "1"
    return {
        **context,
        "old": old,
        "new": new,
        "lines": lines if whole else texts.folded(lines),
        "whole": whole,
        "same_text": both[0] == both[1],
        "old_name": f"Version {old.number}",
        "new_name": f"Version {new.number}",
    }


def _policies(view: SubjectPage, subject: Subject) -> dict[str, Any]:
    """What it has to be, what it fails of that, and the tags on its fields."""
    context: dict[str, Any] = {
        "standing": policies.standing(subject),
        "removal": page_of(subject, "tag-removal"),
        "may_register": can(view.actor, permissions.REGISTER, subject.keeper),
    }
    try:
        return {**context, "tagged": policies.tagged(subject)}
    except SlipwayError as error:
        return {**context, "tagged": [], "problem": error}


def _data(view: SubjectPage, subject: Subject) -> dict[str, Any]:
    request = view.request
    row = version_of(subject, request.POST.get("version") or request.GET.get("version", ""))
    record, missing = _example(row)
    pasted = request.POST.get("records", "") if request.method == "POST" else ""
    shown = pasted or (json.dumps(record, indent=2, ensure_ascii=False) if not missing else "")
    context: dict[str, Any] = {
        "version": row,
        "max_bytes": checking.MAX_BYTES // 1024 // 1024,
        "numbers": list(
            subject.versions.order_by("-number").values_list("number", flat=True)[:500]
        ),
        "example": "" if missing else json.dumps(record, indent=2, ensure_ascii=False),
        "missing": missing,
        "records": shown[: samples.MAX_TEXT],
        "snippets": snippets.snippets(row, registry_address(request), record),
        "checked": None,
        "refused": None,
    }
    if request.method == "POST" and "file" in request.POST.keys() | request.FILES.keys():
        return {**context, **_file(row, request.FILES.get("file"))}
    if request.method == "POST":
        try:
            found = samples.check_records(row.schema, *samples.read_records(pasted))
            context["checked"] = found
            context["wrong"] = sum(not one.valid for one in found)
        except SlipwayError as error:
            context["refused"] = error
    return context


def _file(row: SubjectVersion, file: Any) -> dict[str, Any]:
    """The report on a file that was sent with the form."""
    try:
        if file is None:
            raise Invalid("Choose a file first.")
        checking.require_size(file.size)
        report = checking.check_file(row.schema, file, name=file.name)
    except SlipwayError as error:
        return {"file_refused": error}
    return {"report": report, "file_name": file.name, "file_kind": checking.TITLES[report.kind]}


def _example(row: SubjectVersion) -> tuple[Any, str]:
    """An example record, or the reason why there is none."""
    try:
        return samples.example(row.schema), ""
    except SlipwayError as error:
        return {}, error.message


def _history(view: SubjectPage, subject: Subject) -> dict[str, Any]:
    rows = records(view.actor, AuditFilter()).filter(
        target_type=subject._meta.label_lower, target_id=str(subject.pk)
    )
    allowed = can(view.actor, "audit.view", subject.scope)
    return {"records": list(rows[:MAX_HISTORY]) if allowed else [], "allowed": allowed}


_PARTS: dict[str, Callable[[SubjectPage, Subject], dict[str, Any]]] = {
    "": _schema,
    "differences": _differences,
    "dependants": _dependants,
    "policies": _policies,
    "data": _data,
    "history": _history,
}
