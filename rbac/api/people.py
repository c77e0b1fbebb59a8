"""REST of people, teams, projects and service accounts."""

from __future__ import annotations

from django.db.models import F
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.errors import NotVisible
from idp.common.etags import require_match
from rbac import grants, permissions, selectors, services
from rbac.access import held_anywhere
from rbac.api import serializers as shapes
from rbac.api.lists import ByName, ByUsername, ListAPIView, answer, named, one, read, tag
from rbac.api.views import AccessAPIView
from rbac.models import Membership, Role, ServiceAccount, Team, User


class Me(AccessAPIView):
    """Who is asking, and what they hold."""

    signed_in = "Everybody may ask who they are."

    @extend_schema(operation_id="me_retrieve", responses=shapes.MeOut)
    def get(self, request: Request) -> Response:
        return Response(self._facts(self._user()))

    @extend_schema(request=shapes.MeChange, responses=shapes.MeOut)
    def patch(self, request: Request) -> Response:
        user = self._user()
        given = read(shapes.MeChange, request, partial=True)
        now = {name: getattr(user, name) for name in ("first_name", "last_name", "email")}
        return Response(self._facts(services.update_profile(self.actor, **{**now, **given})))

    def _user(self) -> User:
        if self.actor.user is None:
            raise NotVisible("Nobody is signed in.")
        return self.actor.user

    def _facts(self, user: User) -> dict[str, object]:
        held = grants.of(self.actor)
        every = permissions.all_permissions()
        return {
            "username": user.username,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "token": self.actor.token.name if self.actor.token else None,
            "teams": list(user.teams.order_by("name").values_list("name", flat=True)),
            "roles": [grant.text for grant in held.every],
            "permissions": [e.name for e in every if held_anywhere(self.actor, e.name)],
        }


class Users(ListAPIView):
    permission = "user.view"
    pagination = ByUsername

    @extend_schema(operation_id="users_list", responses=shapes.UserOut(many=True))
    def get(self, request: Request) -> Response:
        rows = selectors.people(self.actor).prefetch_related("teams")
        return self.listed(request, rows, shapes.UserOut)


class UserDetail(AccessAPIView):
    permissions = {"GET": "user.view", "PATCH": "user.manage"}

    @extend_schema(operation_id="users_retrieve", responses=shapes.UserOut)
    def get(self, request: Request, username: str) -> Response:
        row = one(selectors.people(self.actor), "person", username=username)
        return answer(shapes.UserOut, row)

    @extend_schema(request=shapes.UserChange, responses=shapes.UserOut)
    def patch(self, request: Request, username: str) -> Response:
        row = one(selectors.people(self.actor), "person", username=username)
        self.require(None)
        require_match(request, tag(shapes.UserOut(row).data))
        if read(shapes.UserChange, request)["is_active"]:
            services.reactivate_user(self.actor, row)
        else:
            services.deactivate_user(self.actor, row)
        return answer(shapes.UserOut, row)


class Invitations(AccessAPIView):
    permission = "user.invite"
    anywhere = True

    @extend_schema(request=shapes.InvitationIn, responses={201: shapes.InvitationOut})
    def post(self, request: Request) -> Response:
        given = read(shapes.InvitationIn, request)
        team, role, scope = given.get("team"), given.get("role"), given.get("scope")
        invitation, link = services.invite(
            self.actor,
            email=given["email"],
            team=named(selectors.teams(self.actor), "team", team) if team else None,
            role=named(Role.objects.all(), "role", role) if role else None,
            scope=selectors.scope_at(self.actor, scope) if scope else None,
        )
        facts = {"email": invitation.email, "expires_at": invitation.expires_at, "link": link}
        return Response(shapes.InvitationOut(facts).data, status=201)


class Teams(ListAPIView):
    permissions = {"GET": "team.view", "POST": "team.manage"}
    pagination = ByName

    @extend_schema(operation_id="teams_list", responses=shapes.TeamOut(many=True))
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.teams(self.actor), shapes.TeamOut)

    @extend_schema(request=shapes.TeamIn, responses={201: shapes.TeamOut})
    def post(self, request: Request) -> Response:
        team = services.create_team(self.actor, **read(shapes.TeamIn, request))
        row = one(selectors.teams(self.actor), "team", pk=team.pk)
        return answer(shapes.TeamOut, row, 201, f"/api/v1/teams/{team.name}/")


class TeamDetail(AccessAPIView):
    permissions = {"GET": "team.view", "PATCH": "team.manage", "DELETE": "team.manage"}

    def _team(self, name: str) -> Team:
        return one(selectors.teams(self.actor), "team", name=name)

    @extend_schema(operation_id="teams_retrieve", responses=shapes.TeamOut)
    def get(self, request: Request, name: str) -> Response:
        return answer(shapes.TeamOut, self._team(name))

    @extend_schema(request=shapes.TitleIn, responses=shapes.TeamOut)
    def patch(self, request: Request, name: str) -> Response:
        team = self._team(name)
        services.require_care(self.actor, team)
        require_match(request, tag(shapes.TeamOut(team).data))
        services.update_team(self.actor, team, **read(shapes.TitleIn, request))
        return answer(shapes.TeamOut, team)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        team = self._team(name)
        services.require_care(self.actor, team)
        require_match(request, tag(shapes.TeamOut(team).data))
        services.delete_team(self.actor, team)
        return Response(status=204)


class Members(ListAPIView):
    permissions = {"GET": "team.view", "POST": "team.manage"}
    pagination = ByUsername

    @extend_schema(operation_id="teams_members_list", responses=shapes.MemberOut(many=True))
    def get(self, request: Request, name: str) -> Response:
        team = one(selectors.teams(self.actor), "team", name=name)
        rows = Membership.objects.filter(team=team).select_related("user")
        rows = rows.annotate(username=F("user__username"))
        return self.listed(request, rows, shapes.MemberOut)

    @extend_schema(request=shapes.MemberIn, responses={201: shapes.MemberOut})
    def post(self, request: Request, name: str) -> Response:
        team = one(selectors.teams(self.actor), "team", name=name)
        services.require_care(self.actor, team)
        given = read(shapes.MemberIn, request)
        people = selectors.people(self.actor)
        person = named(people, "username", given["username"], "username")
        made = services.add_member(self.actor, team, person, lead=given["lead"])
        return answer(shapes.MemberOut, made, 201)


class MemberDetail(AccessAPIView):
    permission = "team.manage"

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, username: str) -> Response:
        team = one(selectors.teams(self.actor), "team", name=name)
        person = one(selectors.people(self.actor), "person", username=username)
        services.remove_member(self.actor, team, person)
        return Response(status=204)


class Projects(ListAPIView):
    permissions = {"GET": "project.view", "POST": "project.create"}
    pagination = ByName

    @extend_schema(operation_id="projects_list", responses=shapes.ProjectOut(many=True))
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.projects(self.actor), shapes.ProjectOut)

    @extend_schema(request=shapes.ProjectIn, responses={201: shapes.ProjectOut})
    def post(self, request: Request) -> Response:
        given = read(shapes.ProjectIn, request)
        team = named(selectors.teams(self.actor), "team", given.pop("team"))
        project = services.create_project(self.actor, team=team, **given)
        return answer(shapes.ProjectOut, project, 201, f"/api/v1/projects/{project.name}/")


class ProjectDetail(AccessAPIView):
    permissions = {"GET": "project.view", "PATCH": "project.manage"}

    @extend_schema(operation_id="projects_retrieve", responses=shapes.ProjectOut)
    def get(self, request: Request, name: str) -> Response:
        project = one(selectors.projects(self.actor), "project", name=name)
        return answer(shapes.ProjectOut, project)

    @extend_schema(request=shapes.ProjectChange, responses=shapes.ProjectOut)
    def patch(self, request: Request, name: str) -> Response:
        project = one(selectors.projects(self.actor), "project", name=name)
        self.require(project)
        require_match(request, tag(shapes.ProjectOut(project).data))
        given = read(shapes.ProjectChange, request, partial=True)
        team = given.pop("team", None)
        found = named(selectors.teams(self.actor), "team", team) if team else None
        changed = services.update_project(self.actor, project, team=found, **given)
        return answer(shapes.ProjectOut, changed)


class ServiceAccounts(ListAPIView):
    permissions = {"GET": "service-account.view", "POST": "service-account.manage"}
    pagination = ByUsername

    @extend_schema(
        operation_id="service_accounts_list", responses=shapes.ServiceAccountOut(many=True)
    )
    def get(self, request: Request) -> Response:
        rows = selectors.service_accounts(self.actor).annotate(username=F("user__username"))
        return self.listed(request, rows, shapes.ServiceAccountOut)

    @extend_schema(request=shapes.ServiceAccountIn, responses={201: shapes.ServiceAccountOut})
    def post(self, request: Request) -> Response:
        given = read(shapes.ServiceAccountIn, request)
        project = named(selectors.projects(self.actor), "project", given.pop("project"))
        account = services.create_service_account(self.actor, project=project, **given)
        location = f"/api/v1/service-accounts/{account.user.username}/"
        return answer(shapes.ServiceAccountOut, account, 201, location)


class ServiceAccountDetail(AccessAPIView):
    permissions = {"GET": "service-account.view", "DELETE": "service-account.manage"}

    def _account(self, username: str) -> ServiceAccount:
        rows = selectors.service_accounts(self.actor)
        return one(rows, "service account", user__username=username)

    @extend_schema(operation_id="service_accounts_retrieve", responses=shapes.ServiceAccountOut)
    def get(self, request: Request, username: str) -> Response:
        return answer(shapes.ServiceAccountOut, self._account(username))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        services.delete_service_account(self.actor, self._account(username))
        return Response(status=204)
