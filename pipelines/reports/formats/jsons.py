"""JSON within bounds: bytes and values are counted before anything is built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.reports.formats.base import ReportRefused, Source, not_utf8

MAX_BYTES = 32 * 1024 * 1024
MAX_VALUES = 1_500_000


def load(source: Source) -> Any:
    """The value of a document; raises `ReportRefused`."""
    data = source.whole(MAX_BYTES)
    if data.count(b",") + data.count(b"{") + data.count(b"[") > MAX_VALUES:
        raise ReportRefused("values", f"The JSON has more than {MAX_VALUES:,} values.")
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise not_utf8(f"byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ReportRefused("json", f"The JSON is malformed at {where}: {error.msg}.") from None
    except RecursionError:
        raise ReportRefused("depth", "The JSON is nested too deeply.") from None
    except ValueError:  # a number of thousands of digits
        raise ReportRefused("number", "A number has too many digits.") from None


def _constant(word: str) -> Any:
    raise ReportRefused("number", f"{word} is no number of JSON.")


def table(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Any]:
    """The array, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """The string, or an empty one for anything else."""
    return value if isinstance(value, str) else ""
