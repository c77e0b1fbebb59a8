"""What REST takes and says of variables; the services judge what is given."""

from __future__ import annotations

from rest_framework import serializers

from idp.common.inputs import Strict
from pipelines.variables.models import Variable
from pipelines.variables.services import MAX_DESCRIPTION, MAX_VALUE


class VariableOut(serializers.ModelSerializer):
    """A variable; the value of a hidden one is null, whoever asks."""

    project = serializers.CharField(source="project.name")
    value = serializers.SerializerMethodField("shown", help_text="null where it is hidden")

    class Meta:
        model = Variable
        fields = (
            *("id", "project", "name", "value", "environment", "is_file", "protected", "masked"),
            *("hidden", "expand", "description", "changed_by", "changed_at"),
        )

    def shown(self, row: Variable) -> str | None:
        return None if row.hidden else row.value


class VariableChangeIn(Strict):
    """What can be changed; name and environment stay."""

    value = serializers.CharField(
        max_length=MAX_VALUE, required=False, allow_blank=True, trim_whitespace=False
    )
    is_file = serializers.BooleanField(
        required=False, help_text="Jobs get the path of a file with the value"
    )
    protected = serializers.BooleanField(
        required=False, help_text="Only for pipelines of protected branches"
    )
    masked = serializers.BooleanField(required=False, help_text="No log shows the value")
    hidden = serializers.BooleanField(
        required=False, help_text="Masked, never answered again, and never taken back"
    )
    expand = serializers.BooleanField(
        required=False, help_text="$NAME in the value is another variable"
    )
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True
    )


class VariableIn(VariableChangeIn):
    name = serializers.CharField(max_length=255)
    value = serializers.CharField(max_length=MAX_VALUE, allow_blank=True, trim_whitespace=False)
    environment = serializers.CharField(
        max_length=255, required=False, help_text="production, review/*, or * for all"
    )
