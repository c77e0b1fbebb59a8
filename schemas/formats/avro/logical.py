"""Which logical types hold: Avro 1.12 specification, "Logical Types".

Unknown and invalid annotations are ignored, never refused: the parser asks here for each type.
"""

from __future__ import annotations

import math
from typing import Any, Final

from schemas.formats.avro.model import Logical, Props

_KINDS: Final = {
    "big-decimal": {"bytes"},
    "uuid": {"string"},
    "date": {"int"},
    "time-millis": {"int"},
    "time-micros": {"long"},
    "timestamp-millis": {"long"},
    "timestamp-micros": {"long"},
    "timestamp-nanos": {"long"},
    "local-timestamp-millis": {"long"},
    "local-timestamp-micros": {"long"},
    "local-timestamp-nanos": {"long"},
}
_SIZES: Final = {"uuid": 16, "duration": 12}  # of fixed
_NAMED: Final = {name: Logical(name) for name in (*_KINDS, "duration")}


def logical_of(kind: str, props: Props, size: int = 0) -> Logical | None:
    """The annotation that is in force on a type of `kind`; None when there is none."""
    name = props.get("logicalType")
    if not isinstance(name, str):
        return None
    if name == "decimal":
        return _decimal(kind, props, size)
    fits = size == _SIZES.get(name) if kind == "fixed" else kind in _KINDS.get(name, ())
    return _NAMED[name] if fits else None


def _decimal(kind: str, props: Props, size: int) -> Logical | None:
    precision, scale = _whole(props.get("precision")), _whole(props.get("scale", 0))
    if kind not in {"bytes", "fixed"} or not 0 <= scale <= precision or precision < 1:
        return None
    if kind == "fixed" and precision > math.floor(math.log10(2) * (8 * size - 1)):
        return None
    return Logical("decimal", precision, scale)


def _whole(value: Any) -> int:
    """The number; -1, which fits nowhere, for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
