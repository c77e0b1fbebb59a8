"""What REST says and takes of dependants, sets and check-ins; no business logic."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from idp.common.inputs import Strict
from idp.common.names import dns_label
from schemas.api.serializers import CandidateIn
from schemas.dependants.checkins import DEFAULT_HOURS, MAX_HOURS
from schemas.dependants.models import MAX_HOLDER, MAX_REVISION, Role
from schemas.dependants.parties import KNOWN
from schemas.dependants.sets import MAX_ENTRIES
from schemas.selectors import MAX_NUMBER

MAX_SUBJECT = 400  # with its context
_ROLES = [(role.value, role.value) for role in Role]
_PLACE = "Like orders/staging (a tier) or orders/stage (an environment)"


# -- out ----------------------------------------------------------------------------------------


class TrafficOut(serializers.Serializer):
    """What calls to the registry showed: that it is used, never with which version."""

    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    days = serializers.IntegerField(help_text="Days on which it was seen")
    tokens = serializers.ListField(
        child=serializers.CharField(), help_text="Names of those tokens that you may see"
    )


class PartyOut(serializers.Serializer):
    """Somebody who writes or reads a subject; `version` is null where nobody knows it."""

    role = serializers.ChoiceField(choices=_ROLES)
    holder = serializers.CharField(help_text="Component, or workload")
    owner = serializers.CharField(help_text="Team")
    environment = serializers.CharField(help_text="Empty where it is not known")
    tier = serializers.CharField()
    version = serializers.IntegerField(source="number", allow_null=True)
    known = serializers.ChoiceField(
        choices=[(known, known) for known in KNOWN],
        help_text="The source: declared in environment.yaml, said by a check-in, declared in the"
        " catalog, seen in the registry's traffic, arriving with a change, or asked about",
    )
    seen = serializers.DateTimeField(allow_null=True)
    retained_until = serializers.DateTimeField(allow_null=True, help_text="Only its data is there")
    traffic = TrafficOut(allow_null=True, help_text="null: not seen in the registry's traffic")


class DependantsOut(serializers.Serializer):
    subject = serializers.CharField()
    dependants: Any = PartyOut(many=True)


class EffectOut(serializers.Serializer):
    party = PartyOut()
    compatible = serializers.BooleanField(allow_null=True, help_text="null: version unknown")
    sentence = serializers.CharField()


class ImpactOut(serializers.Serializer):
    subject = serializers.CharField()
    compatible = serializers.BooleanField()
    sentence = serializers.CharField()
    effects: Any = EffectOut(many=True)


class CellOut(serializers.Serializer):
    subject = serializers.CharField(source="reader.subject")
    reader = PartyOut()
    writer = PartyOut()
    compatible = serializers.BooleanField()
    sentence = serializers.CharField()
    agreed_by = serializers.CharField(help_text="Who let it pass by a waiver; else empty")


class MayDeployOut(serializers.Serializer):
    allowed = serializers.BooleanField()
    environment = serializers.CharField()
    sentence = serializers.CharField()
    ways_out = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField())
    set = PartyOut(many=True)
    matrix = CellOut(many=True)
    left_out = serializers.IntegerField(help_text="Compatible pairs that the matrix leaves out")


class CheckInOut(serializers.Serializer):
    environment = serializers.CharField(source="scope.label")
    subject = serializers.CharField()
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    role = serializers.CharField()
    holder = serializers.CharField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


# -- in -----------------------------------------------------------------------------------------


@extend_schema_field(
    {"oneOf": [{"type": "integer", "minimum": 1, "maximum": MAX_NUMBER}, {"const": "latest"}]}
)
class VersionField(serializers.Field):
    """A version's number, or `latest`."""

    def to_internal_value(self, data: Any) -> int:
        if data == "latest":
            return -1
        if isinstance(data, bool) or not isinstance(data, int) or not 1 <= data <= MAX_NUMBER:
            raise serializers.ValidationError(f"A number from 1 to {MAX_NUMBER}, or “latest”.")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class HoldingIn(Strict):
    subject = serializers.CharField(max_length=MAX_SUBJECT)
    version = VersionField()


class MayDeployIn(Strict):
    """Either `produces` and `consumes`, or `set` as NAME@REVISION, or `from` an environment."""

    environment = serializers.CharField(max_length=200, help_text=_PLACE)
    set = serializers.CharField(
        max_length=MAX_HOLDER + MAX_REVISION + 1,
        required=False,
        help_text="A component or project, with a revision where the set is to be looked up",
    )
    produces = HoldingIn(many=True, required=False, default=list)
    consumes = HoldingIn(many=True, required=False, default=list)

    def get_fields(self) -> dict[str, Any]:
        """`from` is no name that Python lets a class have."""
        place = serializers.CharField(max_length=200, required=False, help_text=_PLACE)
        return {**super().get_fields(), "from": place}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("produces", "consumes"):
            if len(attrs[name]) > MAX_ENTRIES:
                raise serializers.ValidationError({name: f"At most {MAX_ENTRIES}."})
        return attrs


class ImpactIn(CandidateIn):
    subject = serializers.CharField(max_length=MAX_SUBJECT)


class CheckInIn(Strict):
    environment = serializers.CharField(max_length=200, help_text="Like orders/stage")
    subject = serializers.CharField(max_length=MAX_SUBJECT)
    role = serializers.ChoiceField(choices=_ROLES)
    holder = serializers.CharField(max_length=40, help_text="The component", validators=[dns_label])
    version = serializers.IntegerField(
        min_value=1, max_value=MAX_NUMBER, required=False, allow_null=True
    )
    ttl_hours = serializers.IntegerField(
        min_value=1, max_value=MAX_HOURS, required=False, default=DEFAULT_HOURS
    )
