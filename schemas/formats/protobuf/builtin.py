"""Imports that need no reference: what every Confluent client takes for known.

google/protobuf comes with the compiler; confluent is written here from its published fields;
google/type is read from the googleapis-common-protos package where that is installed.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

MAX_BUILTIN = 200_000  # characters of one file of google/type: they have some 5,000

CONFLUENT = {
    "confluent/meta.proto": """\
syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta {
  string doc = 1;
  map<string, string> params = 2;
  repeated string tags = 3;
  repeated Rule rules = 4;
}
message Rule {
  string name = 1;
  string doc = 2;
  string expr = 3;
  string sql = 4;
}
extend google.protobuf.FileOptions {
  Meta file_meta = 1088;
}
extend google.protobuf.MessageOptions {
  Meta message_meta = 1088;
}
extend google.protobuf.FieldOptions {
  Meta field_meta = 1088;
}
extend google.protobuf.EnumOptions {
  Meta enum_meta = 1088;
}
extend google.protobuf.EnumValueOptions {
  Meta enum_value_meta = 1088;
}
""",
    "confluent/type/decimal.proto": """\
syntax = "proto3";
package confluent.type;
message Decimal {
  bytes value = 1;
  uint32 precision = 2;
  int32 scale = 3;
}
""",
    "confluent/type/variant.proto": """\
syntax = "proto3";
package confluent.type;
message Variant {
  bytes metadata = 1;
  bytes value = 2;
}
""",
    # The decimal's earlier path; messages that import it still mean confluent.type.Decimal.
    "confluent/types/decimal.proto": """\
syntax = "proto3";
import public "confluent/type/decimal.proto";
""",
}
GOOGLE_TYPE = re.compile(r"google/type/[a-z_]{1,40}\.proto")
KNOWN = ("google/protobuf/", "confluent/", "google/type/")


def is_builtin(name: str) -> bool:
    return name.startswith(KNOWN)


def needed(mentions: str) -> dict[str, str]:
    """The text of each built-in file that a source mentions, and of what those import.

    google/protobuf is left out: the compiler finds it in its own includes.
    """
    found: dict[str, str] = {}
    if "confluent/" in mentions:
        found.update(CONFLUENT)
    waiting = set(GOOGLE_TYPE.findall(mentions))
    while waiting:
        name = waiting.pop()
        if name not in found and (text := _google_type(name)):
            found[name] = text
            waiting.update(GOOGLE_TYPE.findall(text))
    return found


def _google_type(name: str) -> str:
    """The installed file's text, or nothing; `name` has matched `GOOGLE_TYPE` whole."""
    spec = find_spec("google.type")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / name.rpartition("/")[2]
        if path.is_file():
            return path.read_text(encoding="utf-8")[:MAX_BUILTIN]
    return ""
