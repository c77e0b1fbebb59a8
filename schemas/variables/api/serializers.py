"""What REST says and takes of configuration; no business logic."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from idp.common.inputs import Strict
from schemas.dependants.api.serializers import MAX_SUBJECT, VersionField
from schemas.variables.checking import MAX_VALUE, MAX_VARIABLES
from schemas.variables.settings import MAX_INLINE

_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"


class ConfigFaultOut(serializers.Serializer):
    """One variable that does not fit."""

    workload = serializers.CharField()
    variable = serializers.CharField(help_text="Empty for a rule over several variables")
    rule = serializers.CharField()
    sentence = serializers.CharField()
    fix = serializers.CharField()


class ConfigCheckOut(serializers.Serializer):
    valid = serializers.BooleanField()
    schema = serializers.CharField(help_text="Subject and version that was judged against")
    faults: Any = ConfigFaultOut(many=True)
    notes = serializers.ListField(
        child=serializers.CharField(), help_text="What could not be judged, and why"
    )


class ConfigCheckIn(Strict):
    """Either `subject`, with `version` or its latest, or `schema` itself."""

    workload = serializers.CharField(max_length=63, default="workload")
    subject = serializers.CharField(max_length=MAX_SUBJECT, required=False)
    version = VersionField(required=False)
    schema = serializers.CharField(
        max_length=MAX_INLINE, required=False, help_text="A JSON Schema's text"
    )
    variables = serializers.DictField(
        child=serializers.CharField(max_length=MAX_VALUE, allow_blank=True, trim_whitespace=False),
        default=dict,
    )
    secrets = serializers.ListField(
        child=serializers.RegexField(_VARIABLE),
        default=list,
        max_length=MAX_VARIABLES,
        help_text="Names of variables that come from secrets: judged by presence alone",
    )

    def validate_variables(self, given: dict[str, str]) -> dict[str, str]:
        if len(given) > MAX_VARIABLES:
            raise serializers.ValidationError(f"At most {MAX_VARIABLES} variables.")
        return given

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("subject" in attrs) == ("schema" in attrs):
            message = "Name a subject, or give a schema: one of the two."
            raise serializers.ValidationError({"subject": message})
        return attrs
