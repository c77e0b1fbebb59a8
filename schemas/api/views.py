"""Subjects by REST: validate, one call of a service or selector, answer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.etags import etag_of, require_match
from idp.common.inputs import inputs
from idp.common.pagination import KeysetPagination
from rbac.access import require_anywhere
from rbac.actors import Actor
from rbac.api.views import AccessAPIView
from schemas import entities, listing, naming, rows, selectors, services
from schemas.api.serializers import (
    SubjectDescribeIn,
    SubjectLifecycleIn,
    SubjectOut,
    SubjectRegisterIn,
    SubjectRow,
    SubjectVersionIn,
    SubjectVersionOut,
    SubjectVersionRow,
    listed,
)
from schemas.formats.base import FormatName
from schemas.listing import Filters
from schemas.models import Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.parsing import Candidate, Reference
from schemas.permissions import DELETE, MANAGE, REGISTER, VIEW

MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that you read; 412 where somebody changed it since.",
)
_REGISTERED = {201: SubjectVersionOut}
FILTERS = [
    OpenApiParameter(name, str, description=text)
    for name, text in {
        "q": "Words of its name or component",
        "fails": "Name of a policy that it fails, or 1 for any",
        "name": "Exactly this subject, as registry clients write it: orders-value, :.ctx:orders",
        "type": "AVRO, JSON, PROTOBUF or OPENAPI",
        "project": "Name of the project",
        "lifecycle": "draft, active, deprecated, sunset or retired",
        "owner": "Name of the owning team",
        "context": "Name of the context; “.” is the default one",
        "component": "Name of the component",
        "deleted": "1: only those whose versions are all deleted",
    }.items()
]


def name_of(subject: Subject) -> SubjectName:
    return SubjectName(subject.context.name, subject.name)


def subject_etag(subject: Subject) -> str:
    """Changes with every write to the subject, its settings included."""
    said = (subject.state, subject.sunset_on, subject.owner_id, subject.component, subject.contact)
    parts = (subject.pk, subject.revision, *said, subject.tags, subject.docs)
    return etag_of(repr(parts))


def answer(found: Subject) -> Response:
    return Response(SubjectOut(found).data, headers={"ETag": subject_etag(found)})


class SubjectsAPI(AccessAPIView, ListAPIView):
    """Subjects that you can see, newest first."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": REGISTER}
    serializer_class = SubjectRow
    filter_backends = ()
    queryset = Subject.objects.none()

    @extend_schema(operation_id="subjects_list", parameters=FILTERS)
    def get(self, request: Request) -> Response:
        filters = Filters.read(request.query_params.dict())
        paging = KeysetPagination()
        newest: Any = rows.Newest(self.actor, filters)
        found: Any = paging.paginate_queryset(newest, request, view=self)
        return paging.get_paginated_response([*map(listed, found)])

    @extend_schema(
        operation_id="subjects_register", request=SubjectRegisterIn, responses=_REGISTERED
    )
    def post(self, request: Request) -> Response:
        require_anywhere(self.actor, REGISTER)
        given = inputs(SubjectRegisterIn, request)
        name = naming.parse(given["subject"])
        return registered(self.actor, name, candidate_of(given), given["project"])


class SubjectView(AccessAPIView):
    """Base of what is about one subject, by its number."""

    permission = VIEW

    def subject(self) -> Subject:
        return listing.subject(self.actor, self.kwargs["pk"])

    def version(self) -> SubjectVersion:
        number = selectors.version_number(self.kwargs["version"])
        return selectors.version(self.subject(), number, deleted=True)


class CatalogInfoAPI(AccessAPIView):
    """The list's subjects as Backstage's `kind: API` entities, one YAML document each."""

    permission = VIEW

    @extend_schema(
        operation_id="subjects_catalog_info",
        parameters=FILTERS,
        responses={(200, "application/yaml"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponseBase:
        filters = Filters.read(request.query_params.dict())
        rows = listing.latest_versions(listing.subjects(self.actor, filters))
        return StreamingHttpResponse(entities.written(rows), content_type="application/yaml")


class SubjectAPI(SubjectView):
    """One subject; PATCH describes it, DELETE deletes its versions so that they can come back."""

    permissions: ClassVar[dict[str, str]] = {
        "GET": VIEW,
        "PATCH": MANAGE,
        "DELETE": DELETE,
    }

    @extend_schema(operation_id="subjects_get", responses=SubjectOut)
    def get(self, request: Request, pk: int) -> Response:
        return answer(self.subject())

    @extend_schema(
        operation_id="subjects_describe",
        request=SubjectDescribeIn,
        responses=SubjectOut,
        parameters=[MATCH],
    )
    def patch(self, request: Request, pk: int) -> Response:
        found = self.subject()
        self.require(found.keeper)
        require_match(request, subject_etag(found))
        given = inputs(SubjectDescribeIn, request)
        if given:
            services.describe_subject(self.actor, found, **given)
        return answer(found)

    @extend_schema(operation_id="subjects_delete", responses={204: None}, parameters=[MATCH])
    def delete(self, request: Request, pk: int) -> Response:
        found = self.subject()
        self.require(found.keeper)
        require_match(request, subject_etag(found))
        services.delete_subject(self.actor, name_of(found))
        return Response(status=status.HTTP_204_NO_CONTENT)


class LifecycleAPI(SubjectView):
    """Move a subject to one of its `next_lifecycles`; a sunset needs its date."""

    permission = MANAGE

    @extend_schema(
        operation_id="subjects_move",
        request=SubjectLifecycleIn,
        responses=SubjectOut,
        parameters=[MATCH],
    )
    def post(self, request: Request, pk: int) -> Response:
        found = self.subject()
        self.require(found.keeper)
        require_match(request, subject_etag(found))
        given = inputs(SubjectLifecycleIn, request)
        services.move_subject(
            self.actor, found, given["lifecycle"], sunset_on=given.get("sunset_on")
        )
        return answer(self.subject())


def candidate_of(given: dict[str, Any]) -> Candidate:
    """The candidate of a validated body."""
    return Candidate(
        text=given["schema"],
        format=FormatName(given["format"]),
        references=tuple(Reference(**one) for one in given.get("references", [])),
    )


def registered(actor: Actor, name: SubjectName, candidate: Candidate, project: str) -> Response:
    """The version that holds the candidate, made unless the subject has it already."""
    row = services.register(actor, name, candidate, project=project)
    return Response(SubjectVersionOut(row).data, status=status.HTTP_201_CREATED)


class NewestVersions(KeysetPagination):
    ordering = "-number"


class VersionsAPI(SubjectView, ListAPIView):
    """A subject's versions, newest first, deleted ones with their date."""

    permissions: ClassVar[dict[str, str]] = {"GET": VIEW, "POST": REGISTER}
    serializer_class = SubjectVersionRow
    filter_backends = ()
    pagination_class = NewestVersions
    queryset = SubjectVersion.objects.none()

    def get_queryset(self) -> QuerySet[SubjectVersion]:
        rows = self.subject().versions.select_related("schema", "created_by")
        return rows.defer("schema__text")

    @extend_schema(operation_id="subjects_versions")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="subjects_register_version", request=SubjectVersionIn, responses=_REGISTERED
    )
    def post(self, request: Request, pk: int) -> Response:
        found = self.subject()
        self.require(found.keeper)
        given = inputs(SubjectVersionIn, request)
        given.setdefault("format", found.format or FormatName.AVRO.value)
        return registered(self.actor, name_of(found), candidate_of(given), found.project.name)


class VersionAPI(SubjectView):
    """One version with its text; `latest` is the newest that is not deleted."""

    @extend_schema(operation_id="subjects_version", responses=SubjectVersionOut)
    def get(self, request: Request, pk: int, version: str) -> Response:
        row = self.version()
        tag = etag_of(f"{row.pk} {row.deleted_at}")
        return Response(SubjectVersionOut(row).data, headers={"ETag": tag})
