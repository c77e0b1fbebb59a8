"""`slipway ci split`: the part of a suite that this node of `parallel: N` runs.

All nodes have to come to the same split, or a test runs twice or never. So the server is asked by
what it knew when the pipeline began, and where it does not answer the job fails: a node that
guessed by itself would not fit the others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from idp.common.console import Client, Code, fail, note, print_json, say
from pipelines.reports.splitting import MAX_NODES, split

MAX_PARTS = 50_000  # as the server takes them
MAX_NAME = 1_000
_STDIN = "-"


def _node() -> tuple[int, int]:
    """This node's number and how many there are; a job without `parallel` is the only one."""
    total = _number("CI_NODE_TOTAL", 1)
    index = _number("CI_NODE_INDEX", 1 if total == 1 else 0)
    if not 1 <= total <= MAX_NODES or not 1 <= index <= total:
        message = f"CI_NODE_INDEX is {index} and CI_NODE_TOTAL is {total}."
        fix = f"The index goes from 1 to the total, that to {MAX_NODES}: `parallel: N` sets both."
        raise fail(message, Code.USAGE, fix=fix)
    return index, total


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return otherwise
    if not text.isascii() or not text.isdecimal() or len(text) > 9:  # noqa: PLR2004  # digits
        raise fail(f"{name} is “{text[:40]}”.", Code.USAGE, fix="It has to be a whole number.")
    return int(text)


def _parts(patterns: Sequence[str]) -> dict[str, float]:
    """The parts with their weight: bytes of a file, 1 for a name that was read."""
    found: dict[str, float] = {}
    for pattern in patterns:
        parts = _read() if pattern == _STDIN else _files(pattern)
        found |= dict(islice(parts, MAX_PARTS + 1))
    if len(found) > MAX_PARTS:
        raise fail(f"There are more than {MAX_PARTS} parts.", fix="Narrow the patterns.")
    for name in found:
        if not name.isprintable() or name != name.strip() or len(name) > MAX_NAME:
            message = f"“{name[:80]}” cannot be named in a line."
            fix = f"Rename it: at most {MAX_NAME} letters, no space at its ends."
            raise fail(message, fix=fix)
    if not found:
        fix = "Patterns start in this folder and are quoted: 'tests/**/test_*.py'."
        raise fail("No file fits.", Code.NOT_FOUND, fix=fix)
    return found


def _read() -> Iterator[tuple[str, float]]:
    return ((line.rstrip("\r\n"), 1.0) for line in sys.stdin if line.strip())


def _files(pattern: str) -> Iterator[tuple[str, float]]:
    """Files below this folder that fit; hidden ones only where the pattern names them."""
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        fix = "Write it from this folder down, like 'tests/**/test_*.py'."
        raise fail(f"“{pattern[:80]}” leaves this folder.", Code.USAGE, fix=fix)
    try:
        fits = [Path(path)] if Path(path).is_file() else Path().glob(str(path))
        for one in fits:
            hidden = {part for part in one.parts if part.startswith(".")} - set(path.parts)
            if not hidden and one.is_file():
                yield one.as_posix(), float(one.stat().st_size)
    except (OSError, ValueError) as error:
        raise fail(f"“{pattern[:80]}”: {error}.", Code.USAGE) from None


def _from_server(
    client: Client, project: str, parts: Sequence[str], index: int, total: int
) -> tuple[list[str], int]:
    """This node's parts, and of how many the server knew a duration."""
    asked: dict[str, Any] = {"index": index, "total": total}
    if began := os.environ.get("CI_PIPELINE_CREATED_AT", ""):
        asked |= {"before": began}
    path = f"projects/{quote(project, safe='')}/tests/split/?{urlencode(asked)}"
    answer: dict[str, Any] = client.send("POST", path, {"parts": list(parts)})
    mine = answer["parts"]
    if not set(mine) <= set(parts):
        raise fail("The server named parts that it was not asked for.")
    return mine, answer["known"]


def _print(client: Client, mine: Sequence[str]) -> None:
    if client.as_json:
        print_json(list(mine))
        return
    for name in mine:
        say(name)


def register(group: typer.Typer, client: Client) -> None:
    @group.command("split")
    def split_(
        patterns: Annotated[
            list[str], typer.Argument(help="Of files, quoted; - reads names, one a line.")
        ],
        project: Annotated[
            str, typer.Option(help="Whose durations to ask for; a job's own where none is named.")
        ] = "",
    ) -> None:
        """Print the test files that this node of `parallel: N` runs."""
        index, total = _node()
        found = _parts(patterns)
        names = sorted(found)
        if not project and os.environ.get("CI_JOB_TOKEN", "").startswith("slj_"):
            project = os.environ.get("CI_PROJECT_PATH", "")
        if project:
            mine, known = _from_server(client, project, names, index, total)
            how = f"by past durations, {known} of {len(names)} known"
        else:
            mine = list(split(found, total)[index - 1].parts)
            how = "by size: no job's token, and no --project, to ask for past durations with"
        note(f"Node {index} of {total}: {len(mine)} of {len(names)} parts, {how}.")
        _print(client, mine)
