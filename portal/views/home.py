"""Home, search, palette and help."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from idp.common.host import Page
from portal import finding, front, shell
from rbac.access import held_anywhere
from rbac.views import AccessMixin

LIVE = {"changes": "change.view", "inbox": "change.view", "environments": "environment.view"}
_WHO = "shows each person what they may see; panels and providers check their own objects"


class Home(AccessMixin):
    signed_in = _WHO

    def get(self, request: HttpRequest) -> HttpResponse:
        filled = front.panels(self.actor)
        context = {
            "page": Page("Home", api="/api/v1/home/"),
            "topics": " ".join(self._topics()),
            "headline": front.headline(filled),
            "first_run": not any(panel.tells for panel in filled),
            "main": [panel for panel in filled if panel.column == "main"],
            "side": [panel for panel in filled if panel.column != "main"],
            "can_add": held_anywhere(self.actor, "component.create"),
            "new_environment": shell.address("environments:new"),
            "can_create_environment": held_anywhere(self.actor, "environment.create"),
        }
        return render(request, "portal/home.html", context)

    def _topics(self) -> list[str]:
        """The live lists that this person may follow; the stream refuses all if one is refused."""
        return [name for name, needed in LIVE.items() if held_anywhere(self.actor, needed)]


class Search(AccessMixin):
    """The palette's answers as a page, for people without JavaScript and for links."""

    signed_in = _WHO

    def get(self, request: HttpRequest) -> HttpResponse:
        text = request.GET.get("q", "")[: finding.MAX_TEXT]
        context: dict[str, Any] = {
            "page": Page("Search", api="/api/v1/search/"),
            "text": text,
            "groups": finding.search(self.actor, text, each=20),
        }
        return render(request, "portal/search.html", context)


class Palette(AccessMixin):
    """JSON for the palette: `{"groups": [{"title", "hits"}], "total"}`."""

    signed_in = _WHO

    def get(self, request: HttpRequest) -> JsonResponse:
        groups = finding.search(self.actor, request.GET.get("q", ""))
        total = sum(len(group.hits) for group in groups)
        return JsonResponse({"groups": [group.to_json() for group in groups], "total": total})


class Keyboard(AccessMixin):
    public = "tells only which keys there are"

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "portal/keyboard.html", {"page": Page("Keyboard shortcuts")})
