"""What the OpenAPI document says of every operation: errors are problem documents."""

from __future__ import annotations

from typing import Any

PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with the wrong fields and what to do.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "fix": {"type": "string"},
        "reference": {"type": "string", "description": "Finds a server error in the logs."},
        "permission": {"type": "string", "description": "403: the one that is missing."},
        "place": {"type": "string", "description": "403: where it is missing."},
        "chain": {"type": "array", "items": {"type": "string"}, "description": "403: the steps."},
        "granters": {"type": "array", "items": {"type": "string"}, "description": "Who can help."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule", "message"],
                "properties": {
                    "field": {"type": "string", "description": "A dotted path."},
                    "rule": {"type": "string"},
                    "message": {"type": "string"},
                    "fix": {"type": "string"},
                },
            },
        },
    },
}
_VERBS = frozenset({"get", "post", "put", "patch", "delete"})


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Spectacular postprocessing hook: what each operation answers when something is wrong."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "What is wrong, and what to do.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for path in result.get("paths", {}).values():
        for verb, operation in path.items():
            if verb in _VERBS:
                operation.setdefault("responses", {}).setdefault("default", answer)
    return result
