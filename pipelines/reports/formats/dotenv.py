"""dotenv as GitLab's reference publishes it ("artifacts:reports:dotenv"): stricter than a shell.

UTF-8, at most 5 KB and 150 variables; names of letters, digits and underscores; one line each; no
empty lines, no comments, no substitution; quotes stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.reports.formats.base import ReportRefused, Source, TooLarge

MAX_BYTES = 5 * 1024
MAX_VARIABLES = 150
_NAME = re.compile(r"[A-Za-z_0-9]+")


@dataclass(frozen=True)
class Variables:
    values: Mapping[str, str]


def read(source: Source) -> Variables:
    """The variables, the last of a name counting; raises `ReportRefused`."""
    data = b""
    for chunk in source.chunks():
        data += chunk
        if len(data) > MAX_BYTES:
            raise TooLarge("size", f"A dotenv file has at most {MAX_BYTES:,} bytes.")
    lines = _text(data).split("\n")
    if lines[-1] == "":
        lines.pop()  # what ends the last line begins none
    values = dict(_pair(line.removesuffix("\r"), at) for at, line in enumerate(lines, 1))
    if len(values) > MAX_VARIABLES:
        raise ReportRefused("count", f"A dotenv file has at most {MAX_VARIABLES} variables.")
    return Variables(values)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ReportRefused("encoding", f"Line {line} of the dotenv file is not UTF-8.") from None


def _pair(line: str, number: int) -> tuple[str, str]:
    name, sign, value = line.partition("=")
    if not line.strip():
        raise ReportRefused(
            "empty", f"Line {number} is empty, which dotenv has not.", "Take it out."
        )
    if line.lstrip().startswith("#"):
        raise ReportRefused("comment", f"Line {number} is a comment.", "Take it out.")
    if not sign or not _NAME.fullmatch(name):
        raise ReportRefused(
            "name",
            f"Line {number}: {name[:60]!r} is no name of letters, digits and underscores.",
            "Write NAME=value, without spaces round the sign.",
        )
    if "\0" in value:
        raise ReportRefused("value", f"Line {number}: the value of {name[:60]} has a NUL.")
    return name, value
