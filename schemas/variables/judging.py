"""Whether a workload's environment fits its schema: one fault for each variable that does not.

Pure: called by the gate, by the environment's page, and when a pipeline asks beforehand. What a
secret or an output holds is not known; of those only the presence is judged, and conditions on
their values count as not met.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from idp.common.errors import FieldError
from schemas.formats.json import JsonSchema, check_record
from schemas.utf8 import plain, plain_errors
from schemas.variables.coercion import Declared, coerced, declared, names_of
from schemas.variables.settings import Settings, Source, Value

MAX_SHOWN = 40  # characters of a value inside a sentence
MAX_NAMES = 1000  # variables of one workload that are judged
_UNKNOWN = "unknown"  # stands for a value that nobody may see
_OWNED = frozenset({Source.VARIABLE, Source.SECRET})  # a misspelling there is somebody's
_NOT_HERE = frozenset({"additionalProperties", "unevaluatedProperties", "propertyNames"})
_ON_ALL = frozenset({"anyOf", "oneOf", "not", "falseSchema"})  # may hang on a value not known
_WHOLE = {  # without the validator's own message, which quotes every value
    "anyOf": "none of its alternatives fits",
    "oneOf": "not exactly one of its alternatives fits",
    "not": "what it excludes is there",
}
_TYPES = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "an empty text",
    "array": "a list in JSON",
    "object": "an object in JSON",
    "string": "a text",
}


@dataclass(frozen=True)
class Fault:
    """One variable that does not fit: a sentence for people, and what to do."""

    workload: str
    variable: str
    rule: str
    sentence: str
    fix: str


@dataclass(frozen=True)
class Row:
    """One variable for a table: what the schema wants of it, what is there, and its faults."""

    name: str
    wants: str
    required: bool
    value: Value | None
    shown: str
    faults: tuple[Fault, ...]
    note: str = ""


@dataclass
class Judgement:
    """What was found of one workload. `notes` say what could not be judged."""

    settings: Settings
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        return not self.faults


@plain_errors()
def judge(parsed: JsonSchema, settings: Settings) -> Judgement:
    """Every fault of a workload's environment; raises `TooComplex` past the bounds."""
    return _Judge(parsed, settings).result()


def unusable(settings: Settings, sentence: str, fix: str = "") -> Judgement:
    """The judgement where the schema itself cannot be read."""
    fault = Fault(settings.workload, "", "schema", f"{settings.workload}: {sentence}", fix)
    return Judgement(settings, [fault])


class _Judge:
    def __init__(self, parsed: JsonSchema, settings: Settings) -> None:
        self._parsed, self._settings = parsed, settings
        self._values = {value.name: value for value in settings.values[:MAX_NAMES]}
        self._names = dict(names_of(parsed.library)[:MAX_NAMES])
        library = parsed.library
        self._said = declared(library, {**self._names, **self._values})

    def result(self) -> Judgement:
        found = Judgement(self._settings)
        errors = check_record(self._parsed, self._record())
        for error in errors:
            note = self._not_judged(error)
            if note is None:
                found.faults += self._faults(error)
            elif note:
                found.notes.append(note)
        found.rows = list(self._rows(found.faults))
        return found

    def _record(self) -> dict[str, object]:
        record: dict[str, object] = {}
        for name, value in self._values.items():
            if value.source in _OWNED or self._said[name].known:
                known = value.text is not None
                text = plain(value.text or "")
                record[name] = coerced(text, self._said[name]) if known else _UNKNOWN
        return record

    def _not_judged(self, error: FieldError) -> str | None:
        """Why an error counts for nothing, in words or silently; None where it does count."""
        name, rest = _variable(error)
        value = self._values.get(name)
        hidden = sorted(
            n for n, v in self._values.items() if v.text is None and self._said[n].known
        )
        if not name and error.rule in _ON_ALL and hidden:
            return f"A rule over several variables depends on {', '.join(hidden[:5])}: not judged."
        if error.rule == "required" and not rest and value is None and self._settings.unseen:
            places = ", ".join(self._settings.unseen[:5])
            return f"{name} may come from {places}, which nobody here can list: not judged."
        if value is not None and value.text is None and error.rule not in _NOT_HERE:
            return ""
        return None

    def _faults(self, error: FieldError) -> Iterator[Fault]:
        name, rest = _variable(error)
        workload, value = self._settings.workload, self._values.get(name)
        where = f"{workload}: variable {_cut(name)}" if name else f"{workload}:"
        if not name:
            said = _WHOLE.get(error.rule, f"its rule {error.rule} does not hold")
            sentence = f"{where} {self._settings.called} is not met as a whole: {said}"
        elif value is None:
            sentence = f"{where} is missing; {self._settings.called} needs it"
        elif error.rule in _NOT_HERE and not rest:
            sentence = f"{where} is not known to {self._settings.called}"
        else:
            inside = f" at {_cut(rest)}" if rest else ""
            shown = self._shown(value)
            sentence = f"{where} is {shown}, the schema wants {self._wants(name, error)}{inside}"
        yield Fault(workload, name, error.rule, plain(sentence), plain(self._fix(name, error)))

    def _shown(self, value: Value) -> str:
        if value.text is None or self._said[value.name].secret:
            return "set (its value is not shown)"
        text = plain(" ".join(value.text.split()) if value.text.strip() else value.text)
        return f"`{_cut(text)}`" if text else "empty"

    def _wants(self, name: str, error: FieldError) -> str:
        if error.rule == "type":
            types = re.findall(r"[a-z]+", error.fix.removeprefix("Use "))
            return " or ".join(_TYPES.get(word, word) for word in types if word != "or")
        if error.rule in {"minLength", "maxLength"}:
            return f"{error.fix.removeprefix('Give ').rstrip('.')} characters"
        for start in ("Use ", "Give "):
            if error.fix.startswith(start):
                return error.fix.removeprefix(start).rstrip(".")
        if error.fix.startswith("It has to"):
            return f"it {error.fix.removeprefix('It has ').rstrip('.')}"
        secret = self._said[name].secret
        return f"something else ({error.rule})" if secret else error.message.rstrip(".")

    def _fix(self, name: str, error: FieldError) -> str:
        value, workload = self._values.get(name), self._settings.workload
        own = f"spec.workloads.{workload}.variables"
        if not name:
            return f"Look at environment.yaml, {own}."
        if error.rule in _NOT_HERE:
            close = difflib.get_close_matches(name, list(self._names), n=1)
            meant = f"Did you mean {close[0]}? " if close else ""
            return f"{meant}Remove it from environment.yaml, {value.at if value else own}."
        if value is None:
            known = self._said.get(name)
            if known is not None and known.secret:
                return f"Set it with “set secret” for {workload}."
            return f"Set it in environment.yaml, {own}, or with “set secret”."
        if value.source == Source.BLUEPRINT:
            return f"It is set by {value.at}: change what that reads, or the schema."
        return f"Set it in environment.yaml, {value.at or own}."

    def _rows(self, faults: list[Fault]) -> Iterator[Row]:
        for name in dict.fromkeys([*self._names, *self._values]):
            said, value = self._said[name], self._values.get(name)
            mine = tuple(fault for fault in faults if fault.variable == name)
            yield Row(
                name=name,
                wants=in_words(said),
                required=self._names.get(name, False),
                value=value,
                shown=self._shown(value) if value is not None else "",
                faults=mine,
                note=said.note[:300],
            )


def in_words(said: Declared) -> str:
    """What a schema wants of a variable: `an integer`, `one of debug, info`."""
    if said.options:
        return f"one of {', '.join(_cut(str(option)) for option in said.options[:8])}"
    return " or ".join(_TYPES.get(name, name) for name in sorted(said.types))


def _variable(error: FieldError) -> tuple[str, str]:
    """The variable that an error's pointer leads to, and the pointer inside its value."""
    first, sign, rest = error.field.removeprefix("/").partition("/")
    return first.replace("~1", "/").replace("~0", "~"), sign + rest


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def spoken(faults: list[Fault], most: int = 8) -> str:
    """The faults as one text: each sentence with its way out, the rest counted."""
    parts = [f"{fault.sentence}; {_lower(fault.fix)}" for fault in faults[:most]]
    if len(faults) > most:
        parts.append(f"and {len(faults) - most} more.")
    return " ".join(parts)


def _lower(fix: str) -> str:
    return fix[:1].lower() + fix[1:]


def counted(judgements: list[Judgement]) -> Mapping[str, int]:
    """How many variables were judged, by workload."""
    return {one.settings.workload: len(one.rows) for one in judgements}
