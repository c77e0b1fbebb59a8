"""One sentence for each incompatible difference: who is hurt, and what to do instead.

Called by `compare`. "Readers" hold the reader's schema, "writers" the writer's, as a level may ask
for either direction.
"""

from __future__ import annotations

from typing import Any

from schemas.formats.protobuf.kinds import Kind

SENTENCES: dict[Kind, str] = {
    Kind.PACKAGE_CHANGED: (
        "Clients look for {subject} in package “{new}” where writers say “{old}”: "
        "keep the package, or start a new subject."
    ),
    Kind.MESSAGE_REMOVED: (
        "Readers no longer know message `{old}`, which writers still send: "
        "keep it until no record has it."
    ),
    Kind.FIELD_KIND_CHANGED: (
        "Readers cannot decode {subject}, written as {old} and read as {new}: "
        "give the new meaning a new number."
    ),
    Kind.FIELD_SCALAR_KIND_CHANGED: (
        "Readers misread {subject}, written as {old} and read as {new}: "
        "give the new meaning a new number."
    ),
    Kind.FIELD_NAMED_TYPE_CHANGED: (
        "Readers take {subject} for a {new} where writers send a {old}: "
        "keep the type and its fields, or give the new type a new number."
    ),
    Kind.FIELD_NUMERIC_LABEL_CHANGED: (
        "Readers lose values of {subject}, written as {old} and read as {new}: numbers are packed "
        "when repeated, so give the new field a new number."
    ),
    Kind.REQUIRED_FIELD_ADDED: (
        "Readers refuse every record without {subject}, which writers do not know: "
        "make it optional."
    ),
    Kind.REQUIRED_FIELD_REMOVED: (
        "Readers that still require {subject} refuse records without it: "
        "make it optional first, and remove it when every reader knows."
    ),
    Kind.ONEOF_FIELD_REMOVED: (
        "Readers see nothing set in a record whose writer chose {subject}: "
        "keep it in the oneof and mark it deprecated."
    ),
    Kind.MULTIPLE_FIELDS_MOVED_TO_ONEOF: (
        "Readers keep only one of the fields {old}, which writers may set together: "
        "leave them outside of oneof `{new}`."
    ),
    Kind.FIELD_MOVED_TO_EXISTING_ONEOF: (
        "Readers keep only one of the fields {old}, which writers may set together: "
        "leave those that were apart outside of oneof `{new}`."
    ),
}


def advice(kind: Kind, subject: str, old: Any, new: Any) -> str:
    """Empty for a kind that hurts nobody."""
    sentence = SENTENCES.get(kind, "")
    return sentence.format(subject=subject, old=old, new=new) if sentence else ""
