"""Databases by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.changes.api.keyed import HEADER
from idp.common.errors import Invalid
from idp.common.idempotency import idempotency_key
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from rbac.access import require_anywhere
from rbac.api.views import AccessAPIView
from schemas.databases import declaring, linting, selectors, services
from schemas.databases.api.serializers import (
    DatabaseChangeIn,
    DatabaseDifferencesOut,
    DatabaseIn,
    DatabaseOut,
    DatabaseVersionOut,
    DatabaseVersionRow,
    DeclarationOut,
    DeclareIn,
    InstanceChangeIn,
    InstanceIn,
    InstanceOut,
    LintIn,
    LintOut,
)
from schemas.databases.models import Database, DatabaseInstance, DatabaseVersion
from schemas.databases.selectors import Side
from schemas.permissions import (
    DATABASE_DECLARE,
    DATABASE_MANAGE,
    DATABASE_SNAPSHOT,
    DATABASE_VIEW,
)
from schemas.relational import coarse

_SQL = "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(12,2) NOT NULL);"
_DECLARATION = OpenApiExample("A table", value={"sql": _SQL}, request_only=True)


def differences(row: Database, old: Side, new: Side) -> Response:
    found = selectors.compare(old, new)
    answer = {
        "old": old.name,
        "new": new.name,
        "equal": not found,
        "count": len(found),
        "not_compared": coarse.limits([old.model, new.model]),
        "differences": selectors.told(row, selectors.plain(found)),
    }
    return Response(answer)


class DatabasesAPI(AccessAPIView, ListAPIView):
    """Databases that you can see, newest first; POST registers one."""

    permissions: ClassVar[dict[str, str]] = {"GET": DATABASE_VIEW, "POST": DATABASE_MANAGE}
    serializer_class = DatabaseOut
    filter_backends = ()
    queryset = Database.objects.none()

    def get_queryset(self) -> QuerySet[Database]:
        query = self.request.query_params
        return selectors.databases(
            self.actor, project=query.get("project", ""), text=query.get("q", "")
        ).order_by("-id")

    @extend_schema(
        operation_id="databases_list",
        parameters=[
            OpenApiParameter("project", str, description="Name of the project"),
            OpenApiParameter("q", str, description="Part of its name or component"),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="databases_add", request=DatabaseIn, responses={201: DatabaseOut})
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, DATABASE_MANAGE)
        given = inputs(DatabaseIn, request)
        project = selectors.project(self.actor, given.pop("project"))
        row = services.add_database(self.actor, project, **given)
        return Response(DatabaseOut(row).data, status=status.HTTP_201_CREATED)


class DatabaseView(AccessAPIView):
    """Base of what is about one database, by its number."""

    permission = DATABASE_VIEW

    def database(self) -> Database:
        return selectors.database(self.actor, self.kwargs["pk"])


class DatabaseAPI(DatabaseView):
    """One database; PATCH changes whose it is, DELETE forgets it with its versions."""

    permissions: ClassVar[dict[str, str]] = {
        "GET": DATABASE_VIEW,
        "PATCH": DATABASE_MANAGE,
        "DELETE": DATABASE_MANAGE,
    }

    @extend_schema(operation_id="databases_get", responses=DatabaseOut)
    def get(self, request: Request, pk: int) -> Response:
        return Response(DatabaseOut(self.database()).data)

    @extend_schema(operation_id="databases_change", request=DatabaseChangeIn, responses=DatabaseOut)
    def patch(self, request: Request, pk: int) -> Response:
        row = self.database()
        self.require(row)
        given = inputs(DatabaseChangeIn, request)
        return Response(DatabaseOut(services.change_database(self.actor, row, **given)).data)

    @extend_schema(operation_id="databases_remove", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        services.remove_database(self.actor, self.database())
        return Response(status=status.HTTP_204_NO_CONTENT)


class NewestDeclarations(KeysetPagination):
    ordering = "-number"


class DatabaseVersionsAPI(DatabaseView, ListAPIView):
    """Declared versions, newest first; POST hands in SQL, which a worker reads."""

    permissions: ClassVar[dict[str, str]] = {"GET": DATABASE_VIEW, "POST": DATABASE_DECLARE}
    serializer_class = DatabaseVersionRow
    filter_backends = ()
    pagination_class = NewestDeclarations
    queryset = DatabaseVersion.objects.none()

    def get_queryset(self) -> QuerySet[DatabaseVersion]:
        return self.database().versions.defer("sql", "model")

    @extend_schema(operation_id="databases_versions")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="databases_declare",
        request=DeclareIn,
        parameters=[HEADER],
        responses={202: DeclarationOut},
        examples=[_DECLARATION],
    )
    def post(self, request: Request, pk: int) -> Response:
        database = self.database()
        self.require(database.keeper)
        given = inputs(DeclareIn, request)
        row = declaring.ask(self.actor, database, **given, idempotency_key=idempotency_key(request))
        body = DeclarationOut(row).data
        return Response(body, status.HTTP_202_ACCEPTED, headers={"Location": body["url"]})


class DatabaseVersionAPI(DatabaseView):
    """One declared version with its SQL and its model."""

    @extend_schema(operation_id="databases_version", responses=DatabaseVersionOut)
    def get(self, request: Request, pk: int, version: int) -> Response:
        return Response(DatabaseVersionOut(selectors.version(self.database(), version)).data)


class DeclarationAPI(DatabaseView):
    """SQL that was handed in, while it is read and after; poll it until it has `finished_at`."""

    @extend_schema(operation_id="databases_declaration", responses=DeclarationOut)
    def get(self, request: Request, pk: int, number: int) -> Response:
        return Response(DeclarationOut(selectors.declaration(self.database(), number)).data)


class DatabaseDifferencesAPI(DatabaseView):
    """Two declared versions, two environments, or one of each, compared in words."""

    @extend_schema(
        operation_id="databases_differences",
        responses=DatabaseDifferencesOut,
        parameters=[
            OpenApiParameter(
                name, str, required=True, description="A version's number or an environment"
            )
            for name in ("from", "to")
        ],
    )
    def get(self, request: Request, pk: int) -> Response:
        row, query = self.database(), request.query_params
        words = [query.get(name, "") for name in ("from", "to")]
        if not all(words):
            raise Invalid("Two sides are compared.", fix="Send ?from=staging&to=production.")
        return differences(row, *(selectors.side(row, word) for word in words))


class InstancesAPI(DatabaseView):
    """Where a database lives; POST registers a place with a URL of a read-only role."""

    permissions: ClassVar[dict[str, str]] = {"GET": DATABASE_VIEW, "POST": DATABASE_MANAGE}

    @extend_schema(operation_id="databases_instances", responses=InstanceOut(many=True))
    def get(self, request: Request, pk: int) -> Response:
        rows = selectors.instances(self.database())
        return Response({"results": InstanceOut(rows, many=True).data})

    @extend_schema(
        operation_id="databases_instance_add", request=InstanceIn, responses={201: InstanceOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        database = self.database()
        self.require(database)
        given = _renamed(inputs(InstanceIn, request))
        row = services.add_instance(self.actor, database, **given)
        return Response(InstanceOut(row).data, status=status.HTTP_201_CREATED)


class InstanceView(AccessAPIView):
    permission = DATABASE_VIEW

    def instance(self) -> DatabaseInstance:
        return selectors.instance(self.actor, self.kwargs["pk"], self.kwargs["number"])


class InstanceAPI(InstanceView):
    """One instance with its drift; an empty or absent `url` keeps the stored one."""

    permissions: ClassVar[dict[str, str]] = {
        "GET": DATABASE_VIEW,
        "PATCH": DATABASE_MANAGE,
        "DELETE": DATABASE_MANAGE,
    }

    @extend_schema(operation_id="databases_instance", responses=InstanceOut)
    def get(self, request: Request, pk: int, number: int) -> Response:
        return Response(InstanceOut(self.instance()).data)

    @extend_schema(
        operation_id="databases_instance_change", request=InstanceChangeIn, responses=InstanceOut
    )
    def patch(self, request: Request, pk: int, number: int) -> Response:
        row = self.instance()
        self.require(row)
        given = _renamed(inputs(InstanceChangeIn, request))
        return Response(InstanceOut(services.change_instance(self.actor, row, **given)).data)

    @extend_schema(operation_id="databases_instance_remove", responses={204: None})
    def delete(self, request: Request, pk: int, number: int) -> Response:
        services.remove_instance(self.actor, self.instance())
        return Response(status=status.HTTP_204_NO_CONTENT)


class LookAPI(InstanceView):
    """Have a worker read a live database now; `checked_at` past `asked_at` says that it was."""

    permission = DATABASE_SNAPSHOT

    @extend_schema(operation_id="databases_instance_look", request=None, responses=InstanceOut)
    def post(self, request: Request, pk: int, number: int) -> Response:
        row = services.ask(self.actor, self.instance())
        return Response(InstanceOut(row).data)


class LintAPI(AccessAPIView):
    """What a migration's SQL would lock, rewrite, lose or break; nothing is stored."""

    permission = DATABASE_VIEW
    anywhere = True

    @extend_schema(operation_id="migrations_lint", request=LintIn, responses=LintOut)
    def post(self, request: Request) -> Response:
        found = linting.lint_migration(self.actor, **inputs(LintIn, request))
        answer = {"passes": not any(one.refuses for one in found), "findings": found}
        return Response(LintOut(answer).data)


def _renamed(given: dict[str, Any]) -> dict[str, Any]:
    if "expected_version" in given:
        given["expected"] = given.pop("expected_version")
    return given
