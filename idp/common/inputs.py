"""What a REST request brings: judged by a serializer, and strict about what it does not know."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request


class Strict(serializers.Serializer):
    """Input whose unknown members are refused, so that a misspelling is not silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(map(str, data)) - set(self.fields))):
            message = f"Not known here; known are {', '.join(self.fields)}."
            raise serializers.ValidationError({unknown[0]: message})
        return super().to_internal_value(data)


def inputs(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The validated body; raises DRF's ValidationError, answered as 422 with each field."""
    try:
        data = request.data
    except RecursionError:
        raise ParseError("The body is nested too deep.") from None
    found = serializer(data=data if data is not None else {})
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)
