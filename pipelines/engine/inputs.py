"""`spec:inputs`: the parameters of a file, their types and what is given for them.

https://docs.gitlab.com/ci/inputs/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.engine import expressions, patterns
from pipelines.engine.problems import ConfigError, Problem, Where, error, nearest, short
from pipelines.engine.source import Items, Map

TYPES = ("string", "number", "boolean", "array")
MAX_INPUTS = 200
MAX_OPTIONS = 50
_KEYS = frozenset({"default", "description", "options", "regex", "rules", "type"})
_RULE_KEYS = frozenset({"if", "options", "default"})
_SPEC = frozenset({"component", "description", "include", "inputs"})
COMPONENT_FACTS = ("name", "reference", "sha", "version")
NOWHERE = Where("")
_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `rules`: from the first that holds come options and default."""

    condition: str
    options: tuple[Any, ...]
    default: Any


@dataclass(frozen=True, slots=True)
class Input:
    name: str
    where: Where
    type: str = "string"
    description: str = ""
    default: Any = _REQUIRED
    options: tuple[Any, ...] = ()
    regex: str = ""
    rules: tuple[Choice, ...] = ()

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED and not self.rules


@dataclass(frozen=True, slots=True)
class Spec:
    """The header of a file."""

    inputs: Mapping[str, Input]
    component: tuple[str, ...] = ()
    include: Any = None
    where: Where = NOWHERE


def _wrong(name: str, where: Where, message: str, fix: str) -> ConfigError:
    return error(where, "inputs", f"The input “{short(name)}” {message}.", fix)


def read_spec(header: Map) -> Spec:
    given = header.get("spec")
    if header.keys() != {"spec"} or not isinstance(given, (Map, type(None))):
        fix = "Write spec: inputs: …, then a line ---, then the jobs."
        raise error(header.where, "spec", "The header of a file holds spec, a map.", fix)
    if given is None:
        return Spec({}, where=header.where)
    for key in given:
        if key not in _SPEC:
            fix = nearest(key, _SPEC) or f"Known are {', '.join(sorted(_SPEC))}."
            raise error(given.at(key), "spec", f"spec has the unknown key “{short(key)}”.", fix)
    facts = given.get("component") or ()
    if not isinstance(facts, (Items, tuple)) or any(one not in COMPONENT_FACTS for one in facts):
        fix = f"Use {', '.join(COMPONENT_FACTS)}."
        raise error(given.at("component"), "spec", "spec:component lists facts of it.", fix)
    inputs = read_inputs(given.get("inputs"), given.at("inputs"))
    return Spec(inputs, tuple(facts), given.get("include"), given.where)


def read_inputs(given: Any, where: Where) -> dict[str, Input]:
    """The inputs that are declared by name."""
    if given is None:
        return {}
    if not isinstance(given, Map) or len(given) > MAX_INPUTS:
        message = f"spec:inputs takes a map of at most {MAX_INPUTS} names."
        raise error(where, "inputs", message, "Write name: default: …")
    return {name: _input(name, value, given.at(name)) for name, value in given.items()}


def _input(name: str, given: Any, where: Where) -> Input:
    if given is None:
        return Input(name, where)
    if not isinstance(given, Map):
        raise _wrong(name, where, "takes a map", "Write default: …")
    for key in given:
        if key not in _KEYS:
            fix = nearest(key, _KEYS) or f"Known are {', '.join(sorted(_KEYS))}."
            raise _wrong(name, given.at(key), f"has the unknown key “{short(key)}”", fix)
    kind = given.get("type", "string")
    if kind not in TYPES:
        raise _wrong(
            name, given.at("type"), f"is of type {short(kind)}", f"Use {', '.join(TYPES)}."
        )
    if "rules" in given and given.keys() & {"options", "default"}:
        raise _wrong(
            name, given.at("rules"), "has rules beside options or default", "Move them in."
        )
    found = Input(
        name,
        where,
        kind,
        str(given.get("description") or ""),
        _REQUIRED if given.get("default") is None else given["default"],
        _options(name, given),
        str(given.get("regex") or ""),
        _rules(name, given),
    )
    _judge_form(found, given)
    return found


def _options(name: str, given: Map) -> tuple[Any, ...]:
    listed = given.get("options")
    if listed is None:
        return ()
    if not isinstance(listed, Items) or not 0 < len(listed) <= MAX_OPTIONS:
        message = f"takes 1 to {MAX_OPTIONS} options"
        raise _wrong(name, given.at("options"), message, "Write [a, b].")
    return tuple(listed)


def _rules(name: str, given: Map) -> tuple[Choice, ...]:
    listed = given.get("rules")
    if listed is None:
        return ()
    where = given.at("rules")
    if not isinstance(listed, Items) or len(listed) > MAX_OPTIONS:
        raise _wrong(name, where, "takes a list of rules", "Write - if: …")
    found = []
    for rule in listed:
        if not isinstance(rule, Map) or rule.keys() - _RULE_KEYS:
            raise _wrong(name, where, "has a rule of another form", "Use if, options and default.")
        condition = str(rule.get("if") or "")
        found.append(Choice(condition, _options(name, rule), rule.get("default")))
    return tuple(found)


def _judge_form(one: Input, given: Map) -> None:
    if one.options and one.type in {"boolean", "array"}:
        raise _wrong(
            one.name, given.at("options"), f"of type {one.type} has options", "Remove them."
        )
    if one.regex and one.type != "string":
        raise _wrong(one.name, given.at("regex"), "has a regex and is no string", "Remove it.")
    if one.default is not _REQUIRED:
        _judge(one, one.default, one.options, given.at("default"), "default")


def _fits(kind: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, Items if kind == "array" else str)


def _judge(one: Input, value: Any, options: tuple[Any, ...], where: Where, what: str) -> None:
    if not _fits(one.type, value):
        message = f"is of type {one.type}; the {what} {short(value)} is not"
        raise _wrong(one.name, where, message, f"Give a {one.type}.")
    if options and value not in options:
        message = f"has no option {short(value)} ({what})"
        fix = f"Options are {', '.join(str(option) for option in options[:10])}."
        raise _wrong(one.name, where, message, nearest(str(value), map(str, options)) or fix)
    if one.regex and not _matches(one, str(value)):
        message = f"asks for /{short(one.regex)}/; the {what} “{short(value)}” does not fit"
        raise _wrong(one.name, where, message, "Give another value.")


def _matches(one: Input, text: str) -> bool:
    """A pattern may stand between slashes or bare; it may fit anywhere."""
    written = one.regex if patterns.parse_slashes(one.regex) else f"/{one.regex}/"
    try:
        return patterns.matches(text, written)
    except patterns.PatternError as fault:
        message = f"has a regex that cannot be used: {fault}"
        raise _wrong(one.name, one.where, message, "Write a pattern of RE2.") from None


def resolved(spec: Spec, given: Mapping[str, Any], where: Where) -> dict[str, Any]:
    """The value of every input; `ConfigError` names what is missing, unknown or of another form.

    Texts for numbers, booleans and lists, as a form sends them, are taken where the place is no
    file.
    """
    for name in given:
        if name not in spec.inputs:
            raise _unknown(spec, given, name, where)
    found: dict[str, Any] = {}
    for name, one in spec.inputs.items():
        found[name] = _value(one, given, where, found)
    return found


def faults(spec: Spec, given: Mapping[str, Any], where: Where) -> dict[str, Problem]:
    """All that `resolved` would refuse, by the input's name."""
    found: dict[str, Problem] = {}
    known: dict[str, Any] = {}
    for name in given:
        if name not in spec.inputs:
            found[name] = _unknown(spec, given, name, where).problems[0]
    for name, one in spec.inputs.items():
        try:
            known[name] = _value(one, given, where, known)
        except ConfigError as fault:
            found[name] = fault.problems[0]
    return found


def _unknown(spec: Spec, given: Mapping[str, Any], name: str, where: Where) -> ConfigError:
    fix = nearest(name, spec.inputs) or "Remove it."
    message = f"“{short(name)}” is no input of this file."
    return error(_at(given, name, where), "inputs", message, fix)


def _at(given: Mapping[str, Any], name: str, where: Where) -> Where:
    return given.at(name) if isinstance(given, Map) else where


def _value(one: Input, given: Mapping[str, Any], where: Where, known: Mapping[str, Any]) -> Any:
    options, default = one.options, one.default
    for choice in one.rules:
        if not choice.condition or _holds(one, choice.condition, known):
            options = choice.options
            default = _REQUIRED if choice.default is None else choice.default
            break
    value = given.get(one.name)
    if value is None:
        if default is _REQUIRED:
            message = f"has no value, and no default ({one.where})"
            raise _wrong(one.name, where, message, f"Give inputs: {one.name}: …")
        return default
    if not isinstance(given, Map):
        value = _typed(one.type, value, where)
    _judge(one, value, options, _at(given, one.name, where), "value")
    return value


def _holds(one: Input, condition: str, known: Mapping[str, Any]) -> bool:
    """The condition with inputs as the variables of an expression."""
    names = {f"INPUT_{number}": name for number, name in enumerate(known)}
    text = condition
    for short_name, name in names.items():
        for written in (f"$[[ inputs.{name} ]]", f"$[[inputs.{name}]]"):
            text = text.replace(written, f"${short_name}")
    values = {short_name: as_text(known[name]) for short_name, name in names.items()}
    try:
        return expressions.parse(text).evaluate(values)
    except expressions.ExpressionError as fault:
        message = f"has a rule that cannot be judged: {fault}"
        raise _wrong(one.name, one.where, message, "Mend its if.") from None


def _typed(kind: str, given: Any, where: Where) -> Any:
    """What a form or REST sent, as a file would hold it."""
    if isinstance(given, str) and kind == "array":
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return given
    if isinstance(given, list):
        items = Items(where)
        for one in given:
            items.put(one, where)
        return items
    return _of_text(kind, given) if isinstance(given, str) else given


def _of_text(kind: str, text: str) -> Any:
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    if kind == "number":
        try:
            return int(text) if text.lstrip("-").isdigit() else float(text)
        except ValueError:
            return text
    return text


def as_text(value: Any) -> str:
    """A value inside of a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Items):
        return "[" + ", ".join(_quoted(one) for one in value) + "]"
    return str(value)


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return as_text(value)
