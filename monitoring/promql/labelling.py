"""`label_replace` and `label_join`: labels made of other labels."""

from __future__ import annotations

import re

from monitoring.promql.errors import BadQuery, TooMuch
from monitoring.promql.limits import MAX_REGEX
from monitoring.promql.matchers import whole
from monitoring.promql.merging import renamed
from monitoring.promql.values import Labels, Vector, labels_of, value_of

MAX_VALUE = 10_000  # characters of a label's value that is made
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


def _named(name: str) -> str:
    if not name:
        raise BadQuery("A label without a name cannot be made.")
    return name


def _with(labels: Labels, name: str, value: str) -> Labels:
    if len(value) > MAX_VALUE:
        raise TooMuch(f"The label {name[:40]} would have over {MAX_VALUE} characters.")
    return labels_of([*(pair for pair in labels if pair[0] != name), (name, value)])


def replaced(vector: Vector, to: str, replacement: str, source: str, pattern: str) -> Vector:
    """Where the source label matches as a whole, `to` becomes the replacement."""
    _named(to)
    if len(pattern) > MAX_REGEX:
        raise TooMuch(f"A pattern may have at most {MAX_REGEX} characters.")
    try:
        compiled = whole(pattern)
    except Exception as error:  # re2 raises its own kind
        raise BadQuery(f"invalid regular expression in label_replace(): {pattern[:80]}") from error

    def of(labels: Labels) -> Labels:
        found = compiled.search(value_of(labels, source))
        return labels if found is None else _with(labels, to, _expanded(replacement, found))

    return renamed(vector, [of(labels) for labels in vector.labels])


def _expanded(replacement: str, found: re.Match[str]) -> str:
    """References by number or name; one that is not there is empty, `$$` is a dollar."""

    def group(reference: re.Match[str]) -> str:
        name = reference.group(1) or reference.group(2)
        if name is None:
            return "$"
        try:
            return found.group(int(name) if name.isdecimal() else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(group, replacement)


def joined(vector: Vector, to: str, separator: str, sources: list[str]) -> Vector:
    """`to` becomes the values of the sources with the separator between."""
    _named(to)
    return renamed(
        vector,
        [
            _with(labels, to, separator.join(value_of(labels, name) for name in sources))
            for labels in vector.labels
        ],
    )
