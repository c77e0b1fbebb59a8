"""Every kind of difference between two JSON Schemas: its verdicts and its advice.

The names are those of Confluent's registry where it has one; strict is its default set of
compatible changes, lenient its `compatibilityPolicy: LENIENT`, under which readers are taken to
ignore properties that they do not know. Kinds that it does not look at have names of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.formats.base import Difference


@dataclass(frozen=True)
class Verdict:
    strict: bool
    lenient: bool
    advice: str = ""


_FINE = Verdict(strict=True, lenient=True)
_SHOWN = 80  # characters of a value inside a sentence

_COMPATIBLE = """
ID_CHANGED DESCRIPTION_CHANGED TITLE_CHANGED DEFAULT_CHANGED FORMAT_CHANGED
SCHEMA_REMOVED TYPE_EXTENDED
MAX_LENGTH_INCREASED MAX_LENGTH_REMOVED MIN_LENGTH_DECREASED MIN_LENGTH_REMOVED PATTERN_REMOVED
MAXIMUM_INCREASED MAXIMUM_REMOVED MINIMUM_DECREASED MINIMUM_REMOVED
EXCLUSIVE_MAXIMUM_INCREASED EXCLUSIVE_MAXIMUM_REMOVED
EXCLUSIVE_MINIMUM_DECREASED EXCLUSIVE_MINIMUM_REMOVED MULTIPLE_OF_REDUCED MULTIPLE_OF_REMOVED
REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED REQUIRED_ATTRIBUTE_REMOVED
DEPENDENCY_ARRAY_NARROWED DEPENDENCY_ARRAY_REMOVED DEPENDENCY_SCHEMA_REMOVED
MAX_PROPERTIES_INCREASED MAX_PROPERTIES_REMOVED MIN_PROPERTIES_DECREASED MIN_PROPERTIES_REMOVED
ADDITIONAL_PROPERTIES_ADDED ADDITIONAL_PROPERTIES_EXTENDED
UNEVALUATED_PROPERTIES_ADDED UNEVALUATED_PROPERTIES_EXTENDED
PROPERTY_NAMES_REMOVED PATTERN_PROPERTY_REMOVED
PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL
REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL
OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL
PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL
PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL
PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
MAX_ITEMS_INCREASED MAX_ITEMS_REMOVED MIN_ITEMS_DECREASED MIN_ITEMS_REMOVED
MAX_CONTAINS_INCREASED MAX_CONTAINS_REMOVED MIN_CONTAINS_DECREASED MIN_CONTAINS_REMOVED
CONTAINS_REMOVED UNIQUE_ITEMS_REMOVED ADDITIONAL_ITEMS_ADDED ADDITIONAL_ITEMS_EXTENDED
UNEVALUATED_ITEMS_ADDED UNEVALUATED_ITEMS_EXTENDED
ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL ITEM_ADDED_TO_CLOSED_CONTENT_MODEL
ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL
ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL
ENUM_ARRAY_EXTENDED COMBINED_TYPE_EXTENDED PRODUCT_TYPE_NARROWED SUM_TYPE_EXTENDED
NOT_TYPE_NARROWED
"""

_TIGHTER = "Readers refuse values of {name} that writers may send ({old} became {new}): "
_ADDED_BOUND = (
    "Readers refuse values of {name} that writers may send, {keyword} {new} is new:"
    " leave it out, or bound it in the writers' version first."
)
_KEEP = "keep the earlier bound, or bring the writers' version to the new one first."
_LENIENT_ONLY = {
    "ADDITIONAL_PROPERTIES_REMOVED": (
        "Readers refuse documents with properties that they do not declare, which writers may"
        " send: leave `additionalProperties` open."
    ),
    "ADDITIONAL_PROPERTIES_NARROWED": (
        "Readers refuse undeclared properties that do not match their schema, which writers may"
        " send: leave `additionalProperties` open."
    ),
    "UNEVALUATED_PROPERTIES_REMOVED": (
        "Readers refuse documents with properties that they do not declare, which writers may"
        " send: leave `unevaluatedProperties` open."
    ),
    "UNEVALUATED_PROPERTIES_NARROWED": (
        "Readers refuse undeclared properties that do not match their schema, which writers may"
        " send: leave `unevaluatedProperties` open."
    ),
    "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL": (
        "Readers expect {name} in one shape, but writers were free to send anything under that"
        " name: close the writers' version with `additionalProperties: false` first, or judge this"
        " subject by the lenient policy."
    ),
    "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL": (
        "Readers expect {name} in one shape, but writers were free to send anything under that"
        " name: close the writers' version with `additionalProperties: false` first, or judge this"
        " subject by the lenient policy."
    ),
    "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL": (
        "Readers refuse documents with {name}, which writers send: keep it, or allow additional"
        " properties."
    ),
    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "Readers refuse values of {name} that the writers' pattern or additional properties allow:"
        " give it a schema that takes them too."
    ),
    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "Readers refuse values of {name} that writers send, for it now falls under a pattern or"
        " the additional properties: keep it, or widen that schema."
    ),
}
_BREAKING = {
    "SCHEMA_ADDED": (
        "Readers refuse values that do not match the new schema at {name}, where writers may send"
        " anything: leave it out, or add it to the writers' version first."
    ),
    "TYPE_CHANGED": (
        "Readers take {new} where writers send {old}: keep the type, or offer both with `anyOf`."
    ),
    "TYPE_NARROWED": (
        "Readers take whole numbers only where writers send fractions too: keep `number`."
    ),
    "MULTIPLE_OF_EXPANDED": _TIGHTER + "keep the smaller step.",
    "MULTIPLE_OF_CHANGED": _TIGHTER + "use a step that divides the earlier one.",
    "PATTERN_CHANGED": (
        "Readers refuse values of {name} that match {old} but not {new}: keep the pattern, or drop"
        " it."
    ),
    "REQUIRED_ATTRIBUTE_ADDED": (
        "Readers refuse documents without {name}: leave it optional or give it a default."
    ),
    "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL": (
        "Readers refuse documents without {name}, which writers do not know: leave it optional or"
        " give it a default."
    ),
    "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL": (
        "Readers refuse documents without {name}, which writers do not know: leave it optional or"
        " give it a default."
    ),
    "DEPENDENCY_ARRAY_ADDED": (
        "Readers refuse documents with {name} but without {new}: drop the dependency, or let"
        " writers have it first."
    ),
    "DEPENDENCY_ARRAY_EXTENDED": (
        "Readers refuse documents with {name} but without {new}: keep the earlier dependency."
    ),
    "DEPENDENCY_ARRAY_CHANGED": (
        "Readers refuse documents with {name} but without {new}: keep the earlier dependency."
    ),
    "DEPENDENCY_SCHEMA_ADDED": (
        "Readers refuse documents with {name} that do not match a schema new to writers: drop the"
        " dependency, or let writers have it first."
    ),
    "PROPERTY_NAMES_ADDED": (
        "Readers refuse documents whose property names do not match, which writers may send: drop"
        " `propertyNames`, or let writers have it first."
    ),
    "PATTERN_PROPERTY_ADDED": (
        "Readers expect one shape of every property that matches {name}, but writers were free to"
        " send anything: close the writers' version first."
    ),
    "CONTAINS_ADDED": (
        "Readers refuse arrays without a matching element, which writers may send: drop"
        " `contains`, or let writers have it first."
    ),
    "UNIQUE_ITEMS_ADDED": (
        "Readers refuse arrays with equal elements, which writers may send: drop `uniqueItems`."
    ),
    "ADDITIONAL_ITEMS_REMOVED": (
        "Readers refuse arrays longer than their tuple, which writers may send: leave further"
        " elements open."
    ),
    "ADDITIONAL_ITEMS_NARROWED": (
        "Readers refuse further elements that do not match their schema, which writers may send:"
        " leave them open."
    ),
    "UNEVALUATED_ITEMS_REMOVED": (
        "Readers refuse further elements, which writers may send: leave `unevaluatedItems` open."
    ),
    "UNEVALUATED_ITEMS_NARROWED": (
        "Readers refuse further elements that do not match their schema, which writers may send:"
        " leave `unevaluatedItems` open."
    ),
    "ITEM_ADDED_TO_OPEN_CONTENT_MODEL": (
        "Readers expect one shape of the element at {name}, where writers may send anything: end"
        " the writers' tuple with `additionalItems: false` first."
    ),
    "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL": (
        "Readers refuse arrays as long as writers send them: keep the element at {name}, or leave"
        " further elements open."
    ),
    "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "Readers refuse the element at {name} that writers send, for it now falls under the schema"
        " of further elements: keep it, or widen that schema."
    ),
    "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL": (
        "Readers refuse elements at {name} that the writers' schema of further elements allows:"
        " give it a schema that takes them too."
    ),
    "ENUM_ARRAY_NARROWED": (
        "Readers refuse {old}, which writers may send: keep every value that was ever written."
    ),
    "ENUM_ARRAY_CHANGED": (
        "Readers refuse {old}, which writers may send: keep every value that was ever written."
    ),
    "COMBINED_TYPE_CHANGED": (
        "Readers combine their alternatives by {new} where writers do by {old}: keep {old}, or use"
        " `anyOf`."
    ),
    "PRODUCT_TYPE_EXTENDED": (
        "Readers ask for one condition more ({new} in all, writers meet {old}): leave it out, or"
        " let writers meet it first."
    ),
    "SUM_TYPE_NARROWED": (
        "Readers know {new} alternatives where writers send {old}: keep every alternative that was"
        " ever written."
    ),
    "COMBINED_TYPE_SUBSCHEMAS_CHANGED": (
        "Readers have no alternative that takes all that writers send here: keep the earlier"
        " alternatives and add the new one beside them."
    ),
    "NOT_TYPE_EXTENDED": (
        "Readers refuse more than writers leave out: keep the earlier `not`, or narrow it."
    ),
    "CONDITION_CHANGED": (
        "Readers ask for other things of some documents than writers meet: keep the condition as"
        " it was."
    ),
}
_BOUNDS = {
    "MAX_LENGTH": "DECREASED",
    "MIN_LENGTH": "INCREASED",
    "MAXIMUM": "DECREASED",
    "MINIMUM": "INCREASED",
    "EXCLUSIVE_MAXIMUM": "DECREASED",
    "EXCLUSIVE_MINIMUM": "INCREASED",
    "MAX_PROPERTIES": "DECREASED",
    "MIN_PROPERTIES": "INCREASED",
    "MAX_ITEMS": "DECREASED",
    "MIN_ITEMS": "INCREASED",
    "MAX_CONTAINS": "DECREASED",
    "MIN_CONTAINS": "INCREASED",
}

VERDICTS: dict[str, Verdict] = {
    **dict.fromkeys(_COMPATIBLE.split(), _FINE),
    **{kind: Verdict(False, True, advice) for kind, advice in _LENIENT_ONLY.items()},
    **{kind: Verdict(False, False, advice) for kind, advice in _BREAKING.items()},
    **{f"{kind}_ADDED": Verdict(False, False, _ADDED_BOUND) for kind in _BOUNDS},
    **{f"{kind}_{way}": Verdict(False, False, _TIGHTER + _KEEP) for kind, way in _BOUNDS.items()},
    **{
        kind: Verdict(False, False, _ADDED_BOUND) for kind in ("PATTERN_ADDED", "MULTIPLE_OF_ADDED")
    },
}


def _quoted(value: Any) -> str:
    text = str(value)
    return f"`{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}`"


def _name(reader_at: str) -> str:
    """The last step of a pointer that a person would name: a property rather than a keyword."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in reader_at.split("/")[1:]]
    for index in range(len(steps) - 1, 0, -1):
        if steps[index - 1] in {"properties", "patternProperties", "$defs", "definitions"}:
            return steps[index]
    return steps[-1] if steps else "the document"


def difference(
    kind: str,
    reader_at: str,
    writer_at: str,
    *,
    old: Any = None,
    new: Any = None,
    name: str = "",
) -> Difference:
    """A difference of a kind with its verdicts; the advice names the property it is about."""
    verdict = VERDICTS[kind]
    advice = verdict.advice and verdict.advice.format(
        name=_quoted(name or _name(reader_at)),
        keyword=_quoted(reader_at.rsplit("/", 1)[-1]),
        old=_quoted(old),
        new=_quoted(new),
    )
    return Difference(
        kind=kind,
        reader_at=reader_at,
        writer_at=writer_at,
        old=old,
        new=new,
        strict=verdict.strict,
        lenient=verdict.lenient,
        advice=advice,
    )
