"""How a keyword's map is read: each key in its form, or an error that names job, key and fix."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.engine import durations
from pipelines.engine.problems import ConfigError, Where, error, nearest, short
from pipelines.engine.source import Items, Map
from pipelines.engine.variables import text_of

MAX_ITEMS = 1_000


class At(NamedTuple):
    """Whose keyword is read, and where it stands."""

    owner: str
    key: str
    where: Where

    def wrong(self, message: str, fix: str) -> ConfigError:
        """The error; `message` goes on after “KEY of OWNER”."""
        rule = self.key.split(":", 1)[0]
        return error(self.where, rule, f"{self.key} of {self.owner} {message}.", fix)


@dataclass(frozen=True, slots=True)
class Form:
    """A map whose keys are known by name; every reader answers a default where a key is absent."""

    given: Map
    at: At

    def place(self, name: str) -> At:
        return At(self.at.owner, f"{self.at.key}:{name}", self.given.at(name))

    def has(self, name: str) -> bool:
        return self.given.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        return text(self.given[name], self.place(name)) if self.has(name) else default

    def flag(self, name: str, *, default: bool = False) -> bool:
        return flag(self.given[name], self.place(name)) if self.has(name) else default

    def texts(self, name: str, most: int = MAX_ITEMS) -> tuple[str, ...]:
        return texts(self.given[name], self.place(name), most) if self.has(name) else ()

    def one_of(self, name: str, known: Collection[str], default: str) -> str:
        """One of the known words; a variable stands for one of them until it has its value."""
        found = self.text(name, default)
        if found == default or found in known or "$" in found:
            return found
        fix = nearest(found, known) or f"Use one of {', '.join(known)}."
        raise self.place(name).wrong(f"is {short(found)}, which is not known", fix)

    def form(self, name: str, known: Iterable[str]) -> Form | None:
        if not self.has(name):
            return None
        return form(self.given[name], self.place(name), known)


def form(given: Any, at: At, known: Iterable[str]) -> Form:
    """A map that has no other keys than the known ones."""
    if not isinstance(given, Map):
        raise at.wrong("takes a map", f"Write {at.key}: with {', '.join(sorted(known)[:4])}.")
    names = frozenset(known)
    for key in given:
        if key not in names:
            fix = nearest(key, names) or f"Known are {', '.join(sorted(names))}."
            message = f"{at.key} of {at.owner} has the unknown key “{short(key)}”."
            raise error(given.at(key), "unknown-key", message, fix)
    return Form(given, at)


def text(given: Any, at: At) -> str:
    found = text_of(given)
    if found is None:
        raise at.wrong("takes a text", "Write a text.")
    return found


def name(given: Any, at: At) -> str:
    """A text that says something."""
    found = text(given, at)
    if not found.strip():
        raise at.wrong("is empty", "Write a text, or remove it.")
    return found


def flag(given: Any, at: At) -> bool:
    if not isinstance(given, bool):
        raise at.wrong(f"is {short(given)}; it takes true or false", "Write true or false.")
    return given


def texts(given: Any, at: At, most: int = MAX_ITEMS) -> tuple[str, ...]:
    """A list of texts; lists in the list, as !reference brings them, are flattened."""
    if not isinstance(given, Items):
        raise at.wrong("takes a list of texts", "Write [a, b].")
    found: list[str] = []
    for one in given:
        found += texts(one, at, most) if isinstance(one, Items) else [text(one, at)]
    if len(found) > most:
        raise at.wrong(f"lists {len(found)} texts; {most} are the most", "List fewer.")
    return tuple(found)


def one_or_more(given: Any, at: At) -> tuple[str, ...]:
    return texts(given, at) if isinstance(given, Items) else (name(given, at),)


def whole(given: Any, at: At, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise at.wrong(f"is {short(given)}; it takes a number", f"Use {least} to {most}.")
    if not least <= given <= most:
        raise at.wrong(f"is {given}; {least} to {most} are allowed", f"Use {least} to {most}.")
    return given


def period(given: Any, at: At, *, never: bool = False) -> int:
    """Whole seconds; 0 where `never` may be said and is."""
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise at.wrong(f"is {short(given)}; it takes a period of time", "Write 1h 30m.")
    try:
        found = durations.seconds(str(given))
    except durations.DurationError as fault:
        message = f"is “{short(given)}”, which is no period of time: {fault}"
        raise at.wrong(message, "Write 1h 30m.") from None
    if found < 1 and not never:
        raise at.wrong(f"is “{short(given)}”; at least a second is asked for", "Write 1h 30m.")
    return found
