"""REST of roles, bindings, tokens, decisions and the audit trail."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.errors import NotVisible
from idp.common.etags import require_match
from rbac import audit, auditlog, granters, permissions, selectors, services
from rbac.api import serializers as shapes
from rbac.api.lists import ByName, ByTime, ListAPIView, answer, named, one, read, tag
from rbac.api.views import AccessAPIView
from rbac.auditlog import AuditFilter
from rbac.models import Role, Team, User
from rbac.services.writing import refuse

_SCOPE = OpenApiParameter("scope", str, description="everything, orders, or orders/staging")


class Permissions(AccessAPIView):
    """Every permission there is."""

    permission = "role.view"

    @extend_schema(operation_id="permissions_list", responses=shapes.PermissionOut(many=True))
    def get(self, request: Request) -> Response:
        rows = [asdict(entry) for entry in permissions.all_permissions()]
        return Response(shapes.PermissionOut(rows, many=True).data)


class Roles(ListAPIView):
    permissions = {"GET": "role.view", "POST": "role.manage"}
    pagination = ByName

    @extend_schema(operation_id="roles_list", responses=shapes.RoleOut(many=True))
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.roles(self.actor), shapes.RoleOut)

    @extend_schema(request=shapes.RoleIn, responses={201: shapes.RoleOut})
    def post(self, request: Request) -> Response:
        role = services.create_role(self.actor, **read(shapes.RoleIn, request))
        return answer(shapes.RoleOut, role, 201, f"/api/v1/roles/{role.name}/")


class RoleDetail(AccessAPIView):
    permissions = {"GET": "role.view", "PATCH": "role.manage", "DELETE": "role.manage"}

    def _role(self, name: str) -> Role:
        return one(selectors.roles(self.actor), "role", name=name)

    @extend_schema(operation_id="roles_retrieve", responses=shapes.RoleOut)
    def get(self, request: Request, name: str) -> Response:
        return answer(shapes.RoleOut, self._role(name))

    @extend_schema(request=shapes.RoleChange, responses=shapes.RoleOut)
    def patch(self, request: Request, name: str) -> Response:
        role = self._role(name)
        require_match(request, tag(shapes.RoleOut(role).data))
        given = read(shapes.RoleChange, request, partial=True)
        return answer(shapes.RoleOut, services.update_role(self.actor, role, **given))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        role = self._role(name)
        require_match(request, tag(shapes.RoleOut(role).data))
        services.delete_role(self.actor, role)
        return Response(status=204)


class Bindings(ListAPIView):
    """Who holds which role where; with `scope`, all that reach it, from above too."""

    permissions = {"GET": "access.view", "POST": "access.grant"}

    @extend_schema(
        operation_id="role_bindings_list",
        parameters=[_SCOPE],
        responses=shapes.BindingOut(many=True),
    )
    def get(self, request: Request) -> Response:
        path = request.query_params.get("scope", "")
        rows = selectors.bindings(self.actor)
        if path:
            rows = selectors.bindings_reaching(self.actor, selectors.scope_at(self.actor, path))
        return self.listed(request, rows, shapes.BindingOut)

    @extend_schema(request=shapes.BindingIn, responses={201: shapes.BindingOut})
    def post(self, request: Request) -> Response:
        given = read(shapes.BindingIn, request)
        user, team = given.pop("user", None), given.pop("team", None)
        people: Any = User.objects.all()
        binding = services.bind_role(
            self.actor,
            role=named(selectors.roles(self.actor), "role", given.pop("role")),
            scope=selectors.scope_at(self.actor, given.pop("scope")),
            user=named(people, "user", user, "username") if user else None,
            team=named(Team.objects.all(), "team", team) if team else None,
            **given,
        )
        location = f"/api/v1/role-bindings/{binding.pk}/"
        return answer(shapes.BindingOut, binding, 201, location)


class BindingDetail(AccessAPIView):
    permissions = {"GET": "access.view", "DELETE": "access.grant"}

    @extend_schema(operation_id="role_bindings_retrieve", responses=shapes.BindingOut)
    def get(self, request: Request, pk: int) -> Response:
        return answer(shapes.BindingOut, one(selectors.bindings(self.actor), "binding", pk=pk))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.unbind_role(self.actor, one(selectors.bindings(self.actor), "binding", pk=pk))
        return Response(status=204)


class Tokens(ListAPIView):
    """One's own tokens, and those of the service accounts that one manages."""

    permissions = {"GET": "token.view", "POST": "token.create"}

    @extend_schema(operation_id="tokens_list", responses=shapes.TokenOut(many=True))
    def get(self, request: Request) -> Response:
        return self.listed(request, selectors.tokens(self.actor), shapes.TokenOut)

    @extend_schema(request=shapes.TokenIn, responses={201: shapes.TokenMade})
    def post(self, request: Request) -> Response:
        given = read(shapes.TokenIn, request)
        path = given.get("scope")
        token, text = services.create_token(
            self.actor,
            user=self._owner(given.get("owner")),
            name=given["name"],
            permissions=given["permissions"],
            scope=selectors.scope_at(self.actor, path) if path else None,
            expires_at=given["expires_at"],
        )
        data = {**shapes.TokenOut(token).data, "text": text}
        headers = {"Location": f"/api/v1/tokens/{token.pk}/", "Cache-Control": "no-store"}
        return Response(data, status=201, headers=headers)

    def _owner(self, name: str | None) -> User:
        if self.actor.user is None:
            raise NotVisible("Nobody is signed in.")
        if name is None or name == self.actor.user.username:
            return self.actor.user
        rows = selectors.service_accounts(self.actor)
        return named(rows, "owner", name, "user__username").user


class TokenDetail(AccessAPIView):
    permissions = {"GET": "token.view", "DELETE": "token.create"}

    @extend_schema(operation_id="tokens_retrieve", responses=shapes.TokenOut)
    def get(self, request: Request, pk: int) -> Response:
        return answer(shapes.TokenOut, one(selectors.tokens(self.actor), "token", pk=pk))

    @extend_schema(responses={204: None}, description="Revoke it; the row stays.")
    def delete(self, request: Request, pk: int) -> Response:
        services.revoke_token(self.actor, one(selectors.tokens(self.actor), "token", pk=pk))
        return Response(status=204)


class Decide(AccessAPIView):
    """May I, or may `user`? With the chain of what was looked at and who can grant it."""

    signed_in = "Everybody may ask about themselves; about others needs access.view there."

    @extend_schema(
        operation_id="access_decide",
        parameters=[
            OpenApiParameter("permission", str, required=True),
            _SCOPE,
            OpenApiParameter("user", str),
        ],
        responses=shapes.DecisionOut,
    )
    def get(self, request: Request) -> Response:
        asked = {key: request.query_params.get(key, "")[:150] for key in ("permission", "user")}
        if not asked["permission"]:
            raise refuse("permission", "required", "Name the permission to decide on.")
        decision = selectors.explain(
            self.actor,
            permission=asked["permission"],
            path=request.query_params.get("scope", ""),
            username=asked["user"],
        )
        facts = {
            "allowed": decision.allowed,
            "visible": decision.visible,
            "permission": decision.permission,
            "scope": decision.place.label if decision.place else "",
            "reason": decision.reason,
            "chain": decision.chain,
            "granters": () if decision.allowed else granters.names(decision),
        }
        return Response(shapes.DecisionOut(facts).data)


_FILTERS = [
    OpenApiParameter("actor", str),
    OpenApiParameter("action", str, description="exact, or environment.*"),
    OpenApiParameter("outcome", str, enum=["allowed", "denied", "failed"]),
    OpenApiParameter("scope", str, description="a project or scope, with all below"),
    OpenApiParameter("target", str),
    OpenApiParameter("from", str, description="ISO date or time, UTC"),
    OpenApiParameter("to", str, description="ISO date or time, UTC"),
    OpenApiParameter("change", int),
]


class Audit(ListAPIView):
    """The audit trail, newest first."""

    permission = "audit.view"
    anywhere = True
    pagination = ByTime

    @extend_schema(
        operation_id="audit_list", parameters=_FILTERS, responses=shapes.AuditOut(many=True)
    )
    def get(self, request: Request) -> Response:
        wanted = AuditFilter.read(request.query_params.dict())
        return self.listed(request, auditlog.records(self.actor, wanted), shapes.AuditOut)


class AuditExport(AccessAPIView):
    """Exactly what is filtered, streamed as CSV or JSON lines."""

    permission = "audit.export"
    anywhere = True

    @extend_schema(
        operation_id="audit_export",
        parameters=[
            *_FILTERS,
            OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=["csv", "jsonl"]),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, kind: str) -> StreamingHttpResponse:
        lines = auditlog.export(self.actor, AuditFilter.read(request.query_params.dict()), kind)
        content_type = "text/csv" if kind == "csv" else "application/x-ndjson"
        return StreamingHttpResponse(lines, content_type=content_type)


class AuditVerify(AccessAPIView):
    """Seal what is committed, then walk the whole chain."""

    permission = "audit.verify"
    anywhere = True

    @extend_schema(operation_id="audit_verify", request=None, responses=shapes.VerificationOut)
    def post(self, request: Request) -> Response:
        audit.seal()
        found = audit.verify()
        return Response(shapes.VerificationOut({**asdict(found), "ok": found.ok}).data)
