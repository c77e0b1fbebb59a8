"""The values of a blueprint's parameters against its schema."""

from __future__ import annotations

import pytest

from environments.rendering import parameters
from idp.common.errors import Invalid


def test_every_wrong_parameter_is_named_at_once() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["image"],
        "properties": {
            "image": {"type": "string", "title": "Image"},
            "replicas": {"type": "integer", "title": "Pods"},
        },
    }
    with pytest.raises(Invalid) as caught:
        parameters.validated({"replica": 2, "replicas": "many"}, schema)
    named = {error.field: error.rule for error in caught.value.errors}
    assert named == {
        "parameters.replica": "unknown",
        "parameters.replicas": "type",
        "parameters.image": "required",
    }
    assert caught.value.message == "parameters.replica: “replica” is not known. (and 2 more)"
    assert "replicas" in caught.value.errors[0].fix
