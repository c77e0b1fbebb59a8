"""Who may do what: bindings at a scope, people, teams, projects, roles, service accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import Invalid
from idp.common.host import Page
from rbac import permissions, selectors
from rbac.access import can, get_visible, held_anywhere
from rbac.explain import steps
from rbac.forms import GrantForm
from rbac.granters import names
from rbac.models import RoleBinding, Scope, Team, User
from rbac.places import root
from rbac.services import bind_role, unbind_role
from rbac.views.forms import ServiceFormView
from rbac.views.mixins import AccessMixin

TABS = {
    "bindings": "Roles held",
    "people": "People",
    "teams": "Teams",
    "projects": "Projects",
    "roles": "Roles",
    "programs": "Service accounts",
}
CRUMBS = [("Access", "/access/")]
SHOWN = 200  # rows of one tab; a filter narrows longer lists


class AccessPage(AccessMixin):
    permission = "team.view"

    def get(self, request: HttpRequest) -> HttpResponse:
        tab = request.GET.get("tab", "bindings")
        tab = tab if tab in TABS else "bindings"
        here = reverse("rbac:access")
        context: dict[str, Any] = {
            "page": Page("Access", api=self._api(tab), permission=self.permission),
            "tab": tab,
            "tabs": [
                {"label": label, "url": f"{here}?tab={name}", "current": name == tab}
                for name, label in TABS.items()
            ],
            "projects": list(selectors.projects(self.actor)[:SHOWN]),
            "may": self._may(),
            **getattr(self, f"_{tab}")(),
        }
        return render(request, "rbac/access.html", context)

    def _api(self, tab: str) -> str:
        names_ = {"bindings": "role-bindings", "people": "users", "programs": "service-accounts"}
        return f"/api/v1/{names_.get(tab, tab)}/"

    def _may(self) -> dict[str, bool]:
        wanted = {
            "grant": "access.grant",
            "invite": "user.invite",
            "team": "team.manage",
            "project": "project.create",
            "role": "role.manage",
            "program": "service-account.manage",
            "user": "user.manage",
        }
        return {key: held_anywhere(self.actor, name) for key, name in wanted.items()}

    def _bindings(self) -> dict[str, Any]:
        path = self.request.GET.get("scope", "")
        if not path:
            return {"bindings": selectors.bindings(self.actor)[:SHOWN], "scope": None}
        try:
            scope = selectors.scope_at(self.actor, path)
        except Invalid as error:
            return {"bindings": [], "scope": None, "problem": error}
        return {"bindings": selectors.bindings_reaching(self.actor, scope)[:SHOWN], "scope": scope}

    def _people(self) -> dict[str, Any]:
        return {"people": selectors.people(self.actor).prefetch_related("teams")[:SHOWN]}

    def _teams(self) -> dict[str, Any]:
        return {"teams": selectors.teams(self.actor)[:SHOWN]}

    def _projects(self) -> dict[str, Any]:
        return {}

    def _roles(self) -> dict[str, Any]:
        return {"roles": selectors.roles(self.actor)[:SHOWN]}

    def _programs(self) -> dict[str, Any]:
        return {"programs": selectors.service_accounts(self.actor)[:SHOWN]}


class Grant(ServiceFormView):
    permission = "access.grant"
    anywhere = True
    form_class = GrantForm
    submit = "Grant"

    def page(self) -> Page:
        return Page("Grant a role", CRUMBS, api="/api/v1/role-bindings/", permission="access.grant")

    def perform(self, form: Any) -> HttpResponse:
        data = form.cleaned_data
        subject = data["subject"]
        binding = bind_role(
            self.actor,
            role=data["role"],
            scope=selectors.scope_at(self.actor, data["scope"]),
            user=subject if isinstance(subject, User) else None,
            team=subject if isinstance(subject, Team) else None,
            ends_at=data["ends_at"],
            reason=data["reason"],
        )
        messages.success(self.request, f"Granted: {binding}.")
        return redirect(f"{reverse('rbac:access')}?scope={binding.scope.path}")


class Revoke(AccessMixin):
    permission = "access.grant"

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        rows = RoleBinding.objects.select_related("role", "user", "team", "scope__project_scope")
        binding = get_visible(self.actor, "access.view", rows, pk=pk)
        text = str(binding)
        unbind_role(self.actor, binding, reason=request.POST.get("reason", "")[:300])
        messages.success(request, f"Revoked: {text}.")
        return redirect("rbac:access")


class Why(AccessMixin):
    """Why somebody may or may not do something somewhere, and who could grant it."""

    signed_in = "Everybody may ask about themselves; about others needs access.view there."

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = {key: request.GET.get(key, "").strip() for key in ("permission", "scope", "user")}
        context: dict[str, Any] = {
            "page": Page("Why?", CRUMBS, api="/api/v1/access/decide/"),
            "asked": asked,
            "permissions": permissions.all_permissions(),
        }
        status = 200
        if asked["permission"]:
            try:
                context.update(self._answer(asked))
            except Invalid as error:
                context["problem"] = error
                status = 422
        return render(request, "rbac/why.html", context, status=status)

    def _answer(self, asked: dict[str, str]) -> dict[str, Any]:
        decision = selectors.explain(
            self.actor, permission=asked["permission"], path=asked["scope"], username=asked["user"]
        )
        scope: Scope = (decision.place.scope if decision.place else None) or root()
        shown = can(self.actor, "access.view", scope)
        holders = selectors.people_holding(asked["permission"], scope) if shown else []
        return {
            "decision": decision,
            "steps": steps(decision),
            "granters": () if decision.allowed else names(decision),
            "holders": holders,
        }
