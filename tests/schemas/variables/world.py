"""A schema of variables, settings beside it, and their judgement."""

from __future__ import annotations

import json
from typing import Any

from schemas.variables.judging import Judgement, judge
from schemas.variables.settings import Settings, Source, Value, parse_text

NAME = "web-config"
PROPERTIES: dict[str, Any] = {
    "PORT": {"type": "integer", "minimum": 1024, "description": "Where it listens."},
    "RATIO": {"type": "number", "maximum": 1},
    "DEBUG": {"type": "boolean"},
    "LOG_LEVEL": {"enum": ["debug", "info"]},
    "REGION": {"type": "string", "pattern": "^[a-z]{2}-[a-z]+-[0-9]$", "maxLength": 20},
    "RETRIES": {"enum": [0, 1, 2]},
    "FEATURES": {"type": "array", "items": {"type": "string"}},
    "LIMITS": {"type": "object", "properties": {"cpu": {"type": "integer"}}},
    "TIMEOUT": {"type": ["integer", "null"]},
    "API_KEY": {"type": "string", "minLength": 10, "writeOnly": True},
    "URL": {"type": "string", "format": "uri"},
}


def schema(*required: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": PROPERTIES, "required": list(required), **more}


def values(source: Source = Source.VARIABLE, **texts: str | None) -> tuple[Value, ...]:
    return tuple(
        Value(name, source.value, text, f"spec.workloads.web.variables.{name}")
        for name, text in texts.items()
    )


def judged(what: Any, *found: Value, unseen: tuple[str, ...] = ()) -> Judgement:
    settings = Settings("web", NAME, 2, values=found, unseen=unseen)
    return judge(parse_text(json.dumps(what)), settings)


def sentences(found: Judgement) -> list[str]:
    return [fault.sentence for fault in found.faults]
