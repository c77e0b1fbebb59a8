"""Verdicts by REST: two versions, a candidate, two texts, and records against a version."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from idp.common.errors import SlipwayError
from idp.common.inputs import inputs
from rbac.api.views import AccessAPIView
from schemas import permissions, reviewing, samples, selectors, snippets
from schemas.api.serializers import (
    CandidateIn,
    CheckedRecordsOut,
    ComparisonOut,
    ExampleOut,
    RecordsIn,
    ReviewOut,
    TextsIn,
)
from schemas.api.views import SubjectView, candidate_of, name_of
from schemas.configuration import Place
from schemas.formats.base import FormatName
from schemas.formats.levels import Level
from schemas.models import Subject, SubjectVersion
from schemas.reviewing import Comparison, Review
from schemas.views.lists import registry_address
from schemas.words import side_of

_AVRO = '{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}'
_CANDIDATE = OpenApiExample("An Avro record", value={"schema": _AVRO}, request_only=True)


def comparison(found: Comparison) -> dict[str, Any]:
    """A comparison as REST says it."""
    ways = [
        {
            "reader": way.reader,
            "writer": way.writer,
            "asked": way.asked,
            "compatible": way.compatible,
            "differences": [{**_plain(entry), "breaks": breaks} for breaks, entry in way.rows],
            "left_out": way.left_out,
        }
        for way in found.directions
    ]
    return {"compatible": found.compatible, "level": found.level, "directions": ways}


def _plain(entry: Any) -> dict[str, Any]:
    names = ("kind", "reader_at", "writer_at", "old", "new", "advice")
    return {**{name: getattr(entry, name) for name in names}, "side": side_of(entry.kind)}


def review(found: Review) -> dict[str, Any]:
    """A review as REST says it."""
    verdicts = [
        {
            "version": one.version,
            "compatible": one.compatible,
            "objections": [
                {
                    "kind": entry.difference.kind,
                    "reader_at": entry.difference.reader_at,
                    "writer_at": entry.difference.writer_at,
                    "forward": entry.forward,
                    "sentence": entry.sentence,
                }
                for entry in one.objections
            ],
        }
        for one in found.verdicts
    ]
    return {
        "compatible": found.compatible,
        "level": found.level,
        "taken": found.taken,
        "refused": [
            {"policy": one.policy, "rule": one.rule, "sentence": one.sentence, "fix": one.fix}
            for one in found.refused
        ],
        "known_as": found.known_as,
        "verdicts": verdicts,
    }


class DifferencesAPI(SubjectView):
    """Every difference between two versions, in both directions, under what holds here."""

    @extend_schema(
        operation_id="subjects_differences",
        responses=ComparisonOut,
        parameters=[
            OpenApiParameter("from", str, description="The earlier version; else the one before"),
            OpenApiParameter("to", str, description="The later version; else the latest"),
        ],
    )
    def get(self, request: Request, pk: int) -> Response:
        found = self.subject()
        new = self._version(found, request.query_params.get("to", "latest"))
        before = found.versions.filter(number__lt=new.number).order_by("-number")
        earlier = before.values_list("number", flat=True).first() or new.number
        old = self._version(found, request.query_params.get("from", str(earlier)))
        place = Place(found.context, found)
        return Response(comparison(reviewing.compare_versions(place, old, new)))

    @staticmethod
    def _version(subject: Subject, text: str) -> SubjectVersion:
        return selectors.version(subject, selectors.version_number(text), deleted=True)


class CheckAPI(SubjectView):
    """Whether a candidate would be taken, and who breaks where not; nothing is registered."""

    @extend_schema(
        operation_id="subjects_check",
        request=CandidateIn,
        responses=ReviewOut,
        examples=[_CANDIDATE],
    )
    def post(self, request: Request, pk: int) -> Response:
        found = self.subject()
        given = inputs(CandidateIn, request)
        candidate = candidate_of(given)
        return Response(review(reviewing.review_candidate(self.actor, name_of(found), candidate)))


class CompareAPI(AccessAPIView):
    """Two texts that belong to no subject, compared under a level."""

    permission = permissions.VIEW
    anywhere = True

    @extend_schema(operation_id="subjects_compare", request=TextsIn, responses=ComparisonOut)
    def post(self, request: Request) -> Response:
        given = inputs(TextsIn, request)
        found = reviewing.compare_texts(
            FormatName(given["format"]),
            given["old"],
            given["new"],
            Level(given["level"]),
            lenient=given["policy"] == "LENIENT",
        )
        return Response(comparison(found))


class RecordsAPI(SubjectView):
    """Records against a version, each with what is wrong and where; nothing is stored."""

    @extend_schema(
        operation_id="subjects_check_records", request=RecordsIn, responses=CheckedRecordsOut
    )
    def post(self, request: Request, pk: int, version: str) -> Response:
        row = self.version()
        records = inputs(RecordsIn, request)["records"]
        found = samples.check_records(row.schema, records, range(len(records)))
        results = [
            {"index": one.line, "valid": one.valid, "errors": [vars(e) for e in one.errors]}
            for one in found
        ]
        return Response({"valid": all(one.valid for one in found), "results": results})


class ExampleAPI(SubjectView):
    """An example record of a version, and a producer and a consumer in Python."""

    @extend_schema(operation_id="subjects_example", responses=ExampleOut)
    def get(self, request: Request, pk: int, version: str) -> Response:
        row, reason, record = self.version(), "", None
        try:
            record = samples.example(row.schema)
        except SlipwayError as error:
            reason = error.message
        code = snippets.snippets(row, registry_address(request), record or {})
        return Response(
            {
                "example": record,
                "reason": reason,
                "producer": code.producer if code else "",
                "consumer": code.consumer if code else "",
            }
        )
