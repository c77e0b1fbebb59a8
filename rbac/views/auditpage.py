"""The audit trail as a page: filters as chips, keyset pages, export, and the chain's state."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from idp.common.errors import Invalid
from idp.common.host import Page
from rbac import audit, auditlog
from rbac.access import held_anywhere, require_anywhere
from rbac.auditlog import AuditFilter
from rbac.models import AuditHead, AuditRecord
from rbac.views.mixins import AccessMixin

ROWS = 50
LABELS = {"since": "from", "until": "to"}


def _cursor(row: AuditRecord) -> str:
    return base64.urlsafe_b64encode(f"{row.at.isoformat()} {row.pk}".encode()).decode()


def _after(cursor: str) -> Q:
    """Rows older than a cursor; no condition for one that is not ours."""
    try:
        at, _, pk = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        moment = parse_datetime(at)
        is_uuid = len(pk) == 36 and set(pk) <= set("0123456789abcdef-")  # noqa: PLR2004  # a UUID's length
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return Q()
    if moment is None or not is_uuid:
        return Q()
    return Q(at__lt=moment) | Q(at=moment, pk__lt=pk)


class AuditPage(AccessMixin):
    permission = "audit.view"
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        wanted = AuditFilter.read(request.GET.dict())
        problem: Invalid | None = None
        rows: list[AuditRecord] = []
        try:
            found = auditlog.records(self.actor, wanted).filter(
                _after(request.GET.get("after", ""))
            )
            rows = list(found[: ROWS + 1])
        except Invalid as error:
            problem = error
        context = self._context(wanted, rows)
        context["problem"] = problem
        return render(request, "rbac/audit.html", context, status=422 if problem else 200)

    def _context(self, wanted: AuditFilter, rows: list[AuditRecord]) -> dict[str, Any]:
        here = reverse("rbac:audit")
        query = dict(wanted.items())
        chips = [
            {
                "label": LABELS.get(name, name),
                "value": value,
                "url": f"{here}?{urlencode({k: v for k, v in query.items() if k != name})}",
            }
            for name, value in wanted.items()
        ]
        shown = rows[:ROWS]
        more = {**query, "after": _cursor(shown[-1])} if len(rows) > ROWS else None
        return {
            "page": Page(
                "Audit",
                api=f"/api/v1/audit/{'?' + urlencode(query) if query else ''}",
                permission=self.permission,
            ),
            "rows": shown,
            "wanted": wanted,
            "chips": chips,
            "outcomes": AuditRecord.Outcome.values,
            "next": f"{here}?{urlencode(more)}" if more else "",
            "first": f"{here}?{urlencode(query)}" if self.request.GET.get("after") else "",
            "export": urlencode(query),
            "may_export": held_anywhere(self.actor, "audit.export"),
            "may_verify": held_anywhere(self.actor, "audit.verify"),
            "head": AuditHead.objects.first(),
        }


class AuditExport(AccessMixin):
    permission = "audit.export"
    anywhere = True

    def get(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        lines = auditlog.export(self.actor, AuditFilter.read(request.GET.dict()), kind)
        response = StreamingHttpResponse(
            lines, content_type="text/csv" if kind == "csv" else "application/x-ndjson"
        )
        response["Content-Disposition"] = f'attachment; filename="slipway-audit.{kind}"'
        return response


class AuditVerify(AccessMixin):
    permission = "audit.verify"
    anywhere = True

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, self.permission)
        audit.seal()
        found = audit.verify()
        if found.ok:
            messages.success(request, f"The chain holds: {found.checked} records verified.")
        else:
            messages.error(request, f"The chain is broken. {found.problem}")
        return redirect("rbac:audit")
