"""Pages that make and change teams, projects, roles, service accounts and people."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import Clash, Invalid, Refusal
from idp.common.host import Page
from rbac import permissions, selectors
from rbac.access import can, get_visible
from rbac.forms import (
    InviteForm,
    MemberForm,
    ProjectForm,
    RoleForm,
    ServiceAccountForm,
    TeamForm,
    add_errors,
)
from rbac.models import Membership, Role, ServiceAccount, Team, User
from rbac.scopes import create_project
from rbac.services import (
    add_member,
    create_role,
    create_service_account,
    create_team,
    deactivate_user,
    delete_role,
    delete_service_account,
    delete_team,
    invite,
    reactivate_user,
    remove_member,
    update_role,
)
from rbac.services.writing import refuse
from rbac.views.accesspage import CRUMBS
from rbac.views.forms import ServiceFormView
from rbac.views.mixins import AccessMixin


def _tab(name: str) -> str:
    return f"{reverse('rbac:access')}?tab={name}"


class TeamNew(ServiceFormView):
    permission = "team.manage"
    anywhere = True
    form_class = TeamForm
    submit = "Create team"

    def page(self) -> Page:
        return Page("New team", CRUMBS, api="/api/v1/teams/")

    def perform(self, form: Any) -> HttpResponse:
        team = create_team(self.actor, **form.cleaned_data)
        return redirect("rbac:team", name=team.name)


class TeamPage(AccessMixin):
    """A team with its members; POST adds one."""

    permission = "team.view"

    def _team(self) -> Team:
        return get_visible(self.actor, "team.view", Team.objects.all(), name=self.kwargs["name"])

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        return self._show(self._team(), MemberForm())

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        team = self._team()
        form = MemberForm(request.POST)
        if form.is_valid():
            try:
                person = form.cleaned_data["username"]
                add_member(self.actor, team, person, lead=form.cleaned_data["lead"])
                return redirect("rbac:team", name=team.name)
            except (Invalid, Clash, Refusal) as error:
                add_errors(form, error)
        return self._show(team, form, status=422)

    def _show(self, team: Team, form: MemberForm, status: int = 200) -> HttpResponse:
        members = Membership.objects.filter(team=team).select_related("user")
        leads = members.filter(lead=True, user=self.actor.user).exists()
        context = {
            "page": Page(f"Team {team.name}", CRUMBS, api=f"/api/v1/teams/{team.name}/"),
            "team": team,
            "members": members.order_by("-lead", "user__username"),
            "projects": selectors.projects(self.actor).filter(team=team),
            "bindings": selectors.bindings(self.actor).filter(team=team),
            "may_change": leads or can(self.actor, "team.manage", None),
            "may_delete": can(self.actor, "team.manage", None),
            "form": form,
        }
        return render(self.request, "rbac/team.html", context, status=status)


class MemberRemove(AccessMixin):
    permission = "team.manage"

    def post(self, request: HttpRequest, name: str, username: str) -> HttpResponse:
        team = get_visible(self.actor, "team.view", Team.objects.all(), name=name)
        person = get_visible_user(self, username)
        remove_member(self.actor, team, person)
        messages.success(request, f"{person.username} left team {team.name}.")
        return redirect("rbac:team", name=team.name)


def get_visible_user(view: AccessMixin, username: str) -> User:
    """The person of this name; anybody who is signed in sees names."""
    found = selectors.people(view.actor).filter(username=username).first()
    if found is None:
        raise refuse("username", "known", f"There is no person {username[:80]}.")
    return found


class TeamDelete(AccessMixin):
    permission = "team.manage"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        team = get_visible(self.actor, "team.view", Team.objects.all(), name=name)
        delete_team(self.actor, team)
        messages.success(request, f"Team {name} is deleted.")
        return redirect(_tab("teams"))


class ProjectNew(ServiceFormView):
    permission = "project.create"
    anywhere = True
    form_class = ProjectForm
    submit = "Create project"

    def page(self) -> Page:
        return Page("New project", CRUMBS, api="/api/v1/projects/")

    def perform(self, form: Any) -> HttpResponse:
        project = create_project(self.actor, **form.cleaned_data)
        messages.success(self.request, f"Project {project.name} is made.")
        return redirect(f"{reverse('rbac:access')}?scope={project.name}")


class RoleNew(ServiceFormView):
    permission = "role.manage"
    anywhere = True
    form_class = RoleForm
    submit = "Create role"

    def page(self) -> Page:
        return Page("New role", CRUMBS, api="/api/v1/roles/")

    def perform(self, form: Any) -> HttpResponse:
        role = create_role(self.actor, **form.cleaned_data)
        return redirect("rbac:role", name=role.name)


class RolePage(AccessMixin):
    """A role's permissions by app; POST changes a custom role."""

    permission = "role.view"

    def _role(self) -> Role:
        return get_visible(self.actor, "role.view", Role.objects.all(), name=self.kwargs["name"])

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        return self._show(self._role())

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        role = self._role()
        try:
            update_role(
                self.actor,
                role,
                permissions=request.POST.getlist("permissions"),
                description=request.POST.get("description", "")[:200],
            )
        except (Invalid, Refusal) as error:
            return self._show(role, problem=error, status=422)
        messages.success(request, f"The role {role.name} is changed for everybody who holds it.")
        return redirect("rbac:role", name=role.name)

    def _show(
        self, role: Role, problem: Invalid | Refusal | None = None, status: int = 200
    ) -> HttpResponse:
        groups: dict[str, list[tuple[permissions.Permission, bool]]] = {}
        for entry in permissions.all_permissions():
            groups.setdefault(entry.noun, []).append((entry, entry.name in role.permissions))
        context = {
            "page": Page(f"Role {role.name}", CRUMBS, api=f"/api/v1/roles/{role.name}/"),
            "role": role,
            "groups": groups,
            "bindings": selectors.bindings(self.actor).filter(role=role)[:50],
            "may_change": not role.builtin and can(self.actor, "role.manage", None),
            "problem": problem,
        }
        return render(self.request, "rbac/role.html", context, status=status)


class RoleDelete(AccessMixin):
    permission = "role.manage"

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        delete_role(self.actor, get_visible(self.actor, "role.view", Role.objects.all(), name=name))
        messages.success(request, f"The role {name} is deleted.")
        return redirect(_tab("roles"))


class Invite(ServiceFormView):
    permission = "user.invite"
    anywhere = True
    form_class = InviteForm
    submit = "Invite"

    def page(self) -> Page:
        return Page("Invite somebody", CRUMBS)

    def perform(self, form: Any) -> HttpResponse:
        data = form.cleaned_data
        path = data.pop("scope")
        scope = selectors.scope_at(self.actor, path) if path else None
        invitation, link = invite(self.actor, scope=scope, **data)
        context = {"page": Page("Invited", CRUMBS), "invitation": invitation, "link": link}
        return render(self.request, "rbac/invited.html", context, status=201)


class ServiceAccountNew(ServiceFormView):
    permission = "service-account.manage"
    anywhere = True
    form_class = ServiceAccountForm
    submit = "Create service account"

    def page(self) -> Page:
        return Page("New service account", CRUMBS, api="/api/v1/service-accounts/")

    def perform(self, form: Any) -> HttpResponse:
        account = create_service_account(self.actor, **form.cleaned_data)
        messages.success(self.request, f"{account} is made; give it a role and a token.")
        return redirect(_tab("programs"))


class ServiceAccountDelete(AccessMixin):
    permission = "service-account.manage"

    def post(self, request: HttpRequest, username: str) -> HttpResponse:
        rows = ServiceAccount.objects.select_related("user", "project__scope")
        account = get_visible(self.actor, "service-account.view", rows, user__username=username)
        delete_service_account(self.actor, account)
        messages.success(request, f"{username} is gone; its tokens ended.")
        return redirect(_tab("programs"))


class PersonActive(AccessMixin):
    """Shuts somebody out, or lets them in again."""

    permission = "user.manage"

    def post(self, request: HttpRequest, username: str) -> HttpResponse:
        person = get_visible_user(self, username)
        if request.POST.get("active") == "yes":
            reactivate_user(self.actor, person)
        else:
            deactivate_user(self.actor, person)
        messages.success(request, f"{username} is {'in' if person.is_active else 'out'}.")
        return redirect(_tab("people"))
