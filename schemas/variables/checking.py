"""Variables of a pipeline's own asked against a schema, before anybody deploys: `config-check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rbac.actors import Actor
from schemas import naming, selectors
from schemas.checking import parse_stored
from schemas.errors import InvalidCandidate
from schemas.formats.json import JsonSchema
from schemas.variables.judging import Judgement, judge
from schemas.variables.settings import Settings, Source, Value, parse_text

MAX_VARIABLES = 500
MAX_VALUE = 20_000  # characters, as in environment.yaml


@dataclass(frozen=True)
class Question:
    """Variables with their values, and names of those whose values nobody tells."""

    workload: str = "workload"
    subject: str = ""
    version: int = selectors.LATEST
    schema: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Sequence[str] = ()


def check(actor: Actor, question: Question) -> Judgement:
    """The judgement; raises `SubjectNotFound`, `VersionNotFound` and `InvalidSchema`."""
    version = question.version
    if question.subject:
        row = selectors.named_version(actor, naming.parse(question.subject), version)
        parsed, version = parse_stored(row.schema), row.number
        if not isinstance(parsed, JsonSchema):
            raise InvalidCandidate(
                f"Subject {question.subject} holds {row.schema.format}.",
                fix="Name a JSON Schema of the variables.",
            )
    else:
        parsed, version = parse_text(question.schema), 0
    values = [
        Value(name, Source.VARIABLE, text, f"workloads.{question.workload}.variables.{name}")
        for name, text in question.variables.items()
    ]
    values += [Value(name, Source.SECRET) for name in question.secrets]
    return judge(
        parsed,
        Settings(question.workload, question.subject, version, values=tuple(values)),
    )
