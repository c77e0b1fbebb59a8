"""What holds for a subject: its own settings, then its context's, then the registry's.

A policy's default level stands between the subject's own and its context's.

Read by the services, the wire API and pages; written by `schemas.services.configuring`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.formats.levels import Level
from schemas.models import Context, Mode, Policy, Settings, Subject
from schemas.policies import holding

DEFAULT_LEVEL = Level.BACKWARD
# What each setting is where nothing is said, so that the place above is asked.
EMPTY: Mapping[str, Any] = {
    "level": "",
    "mode": "",
    "policy": "",
    "compatibility_group": "",
    "alias": "",
    "normalize": None,
    "default_metadata": None,
    "override_metadata": None,
    "default_rule_set": None,
    "override_rule_set": None,
}


@dataclass(frozen=True)
class Place:
    """A subject or a whole context, with the rows that settings are asked of, nearest first."""

    context: Context
    subject: Subject | None = None

    @property
    def rows(self) -> Iterator[Settings]:
        if self.subject is not None:
            yield self.subject
        yield self.context
        if self.context.parent is not None:
            yield self.context.parent

    def _first(self, field: str) -> Any:
        values = (getattr(row, field) for row in self.rows)
        return next((value for value in values if value not in ("", None)), None)

    def _object(self, field: str) -> Mapping[str, Any]:
        values = (getattr(row, field) for row in self.rows)
        return next((value for value in values if value), {})

    @property
    def level(self) -> Level:
        """The subject's own, else what a policy about it says, else what the places above say."""
        return Level(self.policy_level[0] or self._first("level") or DEFAULT_LEVEL)

    @property
    def policy_level(self) -> tuple[str, str]:
        """The level that a policy gives to a subject without its own, and the policy's name."""
        if self.subject is None or self.subject.level:
            return "", ""
        return holding.default_level(self.subject)

    @property
    def lenient(self) -> bool:
        return bool(self._first("policy") == Policy.LENIENT)

    @property
    def group(self) -> str:
        return str(self._first("compatibility_group") or "")

    @property
    def normalize(self) -> bool:
        return bool(self._first("normalize"))

    @property
    def mode(self) -> Mode:
        """The nearest mode, unless a place above is closed for all below."""
        rows = list(self.rows)
        if any(row.mode == Mode.READONLY_OVERRIDE for row in rows):
            return Mode.READONLY_OVERRIDE
        return Mode(self._first("mode") or Mode.READWRITE)

    def metadata(self, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """A candidate's metadata between the settings' defaults and overrides."""
        return _merged(self._object("default_metadata"), given, self._object("override_metadata"))

    def rules(self, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return _merged(self._object("default_rule_set"), given, self._object("override_rule_set"))


def _merged(*layers: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Later layers win; objects are merged member by member, lists of rules by their names."""
    found: dict[str, Any] = {}
    for layer in layers:
        for key, value in (layer or {}).items():
            found[key] = _joined(found.get(key), value)
    return found or None


def _joined(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    if isinstance(old, list) and isinstance(new, list) and all(map(_is_rule, [*old, *new])):
        return list({rule["name"]: rule for rule in [*old, *new]}.values())
    return new


def _is_rule(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)
