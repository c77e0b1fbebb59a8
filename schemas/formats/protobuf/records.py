"""A record in protobuf's JSON mapping against the schema's first message, and an example of one.

Called by the data check. The message class lives in a pool of the call: two versions of one name
never meet.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import (  # type: ignore[import-untyped]  # the runtime has no stubs
    json_format,
)

from idp.common.errors import FieldError
from schemas.formats.base import InvalidSchema
from schemas.formats.protobuf.descriptors import F, record_class
from schemas.formats.protobuf.schema import ProtobufSchema

MAX_DEPTH: Final = 60  # of a record; json_format recurses
MAX_RECORD: Final = 1_000_000  # characters
MAX_MESSAGES: Final = 200  # in an example: a field of each type at each depth may be many
EXAMPLE_DEPTH: Final = 5
FIX: Final = "See protobuf's JSON mapping for the form of each type."
PLACE: Final = re.compile(r'\bat "?[A-Za-z0-9_]+\.([A-Za-z0-9_.\[\]]{1,300}?)"?[.:\s]*$')
LITERAL = re.compile(r"invalid literal for int\(\) with base \d+: ('[^']*')")
STEP: Final = re.compile(r"Failed to parse ([A-Za-z0-9_]{1,100}) field:")
UNKNOWN: Final = re.compile(r'has no field named "([A-Za-z0-9_]{1,100})"')
ANY: Final = "google.protobuf.Any"  # its JSON needs a type name that the schema knows


def check_record(parsed: ProtobufSchema, value: Any) -> list[FieldError]:
    """What keeps `value` (decoded JSON) from being the first message; empty when nothing does."""
    if not parsed.name:
        return [FieldError("/", "message", "The schema declares no message.")]
    if not isinstance(value, dict):
        return [FieldError("/", "json", "A record is a JSON object.", FIX)]
    message = record_class(parsed.files, parsed.name)()
    try:
        if len(json.dumps(value)) > MAX_RECORD:
            return [FieldError("/", "size", f"A record may have {MAX_RECORD:,} characters.")]
        json_format.ParseDict(value, message, max_recursion_depth=MAX_DEPTH)
    except (json_format.ParseError, TypeError, ValueError, AttributeError) as exc:
        return [_error(str(exc))]
    except RecursionError:
        return [FieldError("/", "depth", "The record nests too deeply.")]
    return [
        FieldError(_pointer(name), "required", "A required field is missing.", "Give it a value.")
        for name in message.FindInitializationErrors()
    ]


def _error(said: str) -> FieldError:
    first = LITERAL.sub(r"\1 is no whole number", said.partition("\n")[0])
    place = PLACE.search(first)
    names = [place[1]] if place else STEP.findall(first)
    names += UNKNOWN.findall(first)
    return FieldError(_pointer(".".join(names)), "json", first[:500], FIX)


def _pointer(name: str) -> str:
    return "/" + re.sub(r"[.\[\]\"]+", "/", name).strip("/")


def example(parsed: ProtobufSchema) -> Any:
    """A record with every field set, in the JSON mapping; raises `InvalidSchema` at no message."""
    if not parsed.name:
        raise InvalidSchema.at("/", "message", "The schema declares no message.")
    message = record_class(parsed.files, parsed.name)()
    _Filler().fill(message, 1)
    return json_format.MessageToDict(message)


SAMPLES: Final[dict[int, Any]] = {
    F.TYPE_STRING: "text",
    F.TYPE_BYTES: b"bytes",
    F.TYPE_BOOL: True,
    F.TYPE_DOUBLE: 1.5,
    F.TYPE_FLOAT: 1.5,
}


@dataclass
class _Filler:
    left: int = MAX_MESSAGES

    def fill(self, message: Any, depth: int) -> None:
        """Sets every field, one of each oneof; messages as deep and as many as the bounds allow."""
        self.left -= 1
        if message.DESCRIPTOR.full_name == ANY:
            return
        seen = set()
        for kind in message.DESCRIPTOR.fields:
            holder = kind.containing_oneof
            if holder is not None and holder.name in seen:
                continue
            if holder is not None:
                seen.add(holder.name)
            if kind.message_type is None:
                self._scalar(message, kind)
            elif kind.is_required or (depth < EXAMPLE_DEPTH and self.left > 0):
                self._message(message, kind, depth + 1)

    def _scalar(self, message: Any, kind: Any) -> None:
        if kind.is_repeated:
            getattr(message, kind.name).append(_sample(kind))
        else:
            setattr(message, kind.name, _sample(kind))

    def _message(self, message: Any, kind: Any, depth: int) -> None:
        held = getattr(message, kind.name)
        if not kind.is_repeated:
            held.SetInParent()
            self.fill(held, depth)
        elif kind.message_type.GetOptions().map_entry:
            self._entry(held, kind.message_type, depth)
        elif kind.message_type.full_name != ANY:
            self.fill(held.add(), depth)

    def _entry(self, held: Any, entry: Any, depth: int) -> None:
        key = _sample(entry.fields_by_name["key"])
        value = entry.fields_by_name["value"]
        if value.message_type is None:
            held[key] = _sample(value)
        else:
            self.fill(held[key], depth)


def _sample(kind: Any) -> Any:
    if kind.enum_type is not None:
        values = kind.enum_type.values
        return values[min(1, len(values) - 1)].number  # the first often says that nothing is known
    return SAMPLES.get(kind.type, 1)
