"""The page of one declaration: handed in, being read, and what came of it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from rbac.views.mixins import AccessMixin
from schemas.databases import declaring, selectors
from schemas.databases.models import Declaration
from schemas.databases.views.pages import MAX_TEXT, frame
from schemas.permissions import DATABASE_VIEW

LOOKS = {
    Declaration.State.QUEUED: "pending",
    Declaration.State.READING: "progressing",
    Declaration.State.DECLARED: "succeeded",
    Declaration.State.REFUSED: "failed",
}


class DeclarationPage(AccessMixin):
    permission = DATABASE_VIEW

    def get(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        database = selectors.database(self.actor, pk)
        row = selectors.declaration(database, number)
        context = {
            **frame(self.actor, database, "versions"),
            "row": row,
            "look": LOOKS[Declaration.State(row.state)],
            "errors": declaring.errors_of(row),
            "sql": row.sql[:MAX_TEXT],
        }
        return render(request, "schemas/databases/declaration.html", context)
