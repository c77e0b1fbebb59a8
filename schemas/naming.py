"""Names of subjects and contexts, as registry clients write them: `orders-value`, `:.ctx:orders`.

Used by the wire API, the services and whatever shows a subject.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from schemas.errors import InvalidSubject

DEFAULT = "."
GLOBAL = ".__GLOBAL"  # the place of settings above every context; holds no subjects
WILDCARD = "*"
MAX_SUBJECT = 255
_CONTEXT = re.compile(r"\.[A-Za-z0-9._-]{0,99}")
_RESERVED = frozenset({"__GLOBAL", "__EMPTY"})


@dataclass(frozen=True)
class SubjectName:
    """A subject within its context; an empty `name` stands for the context itself."""

    context: str
    name: str

    def __str__(self) -> str:
        return self.name if self.context == DEFAULT else f":{self.context}:{self.name}"


def split(text: str, within: str = DEFAULT) -> SubjectName:
    """The context and the rest of a qualified name, unchecked; `within` where it names none."""
    if text.startswith((":.", f":{WILDCARD}:")):
        context, colon, name = text[1:].partition(":")
        if colon:
            return SubjectName(context, name)
    return SubjectName(within, text)


def parse(text: str, within: str = DEFAULT) -> SubjectName:
    """A subject's name; raises `InvalidSubject`."""
    found = place(text, within)
    if not found.name:
        raise InvalidSubject(text)
    return found


def place(text: str, within: str = DEFAULT) -> SubjectName:
    """A subject or, as `:.ctx:`, a whole context: what settings are made for."""
    found = split(text, within)
    if not _CONTEXT.fullmatch(found.context):
        raise InvalidSubject(text)
    unprintable = any(unicodedata.category(letter)[0] == "C" for letter in found.name)
    blank = found.name != "" and not found.name.strip()
    if len(found.name) > MAX_SUBJECT or unprintable or blank or found.name in _RESERVED:
        raise InvalidSubject(text)
    return found


def context(text: str) -> str:
    """The name of a context as it stands in a path, with or without its dot."""
    name = text.strip(":") or DEFAULT
    name = name if name.startswith(".") else f".{name}"
    if not _CONTEXT.fullmatch(name):
        raise InvalidSubject(text)
    return name


def qualified(context: str, name: str) -> str:
    """How a subject is called from outside its context."""
    return str(SubjectName(context, name))
