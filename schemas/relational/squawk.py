"""Squawk's findings in a migration: its program, run on the text under a time limit.

Called by `lint`. Squawk reads PostgreSQL's grammar and knows its locks (squawkhq.com); it runs as
a process of its own, so that a text that overflows its stack ends that process only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass

from idp.common.errors import PermanentBackendError
from schemas.formats.base import TooComplex

SECONDS = 5.0
MAX_FINDINGS = 5_000
# Most of what squawk says is left out of our rules; these are said of nearly every statement.
_SILENCED = ("prefer-robust-stmts", "prefer-text-field", "prefer-bigint-over-int")


@dataclass(frozen=True)
class Squawked:
    rule: str
    line: int  # from 1
    column: int  # from 1, in characters
    message: str


def squawk(sql: str, *, server: int, in_transaction: bool) -> list[Squawked]:
    """What squawk says about a text for a server version as 150018; raises `TooComplex`."""
    program = shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")
    if program is None:
        raise PermanentBackendError("squawk is not installed.", fix="Install squawk-cli.")
    words = [program, "--reporter", "json", "--config", os.devnull]
    words += ["--stdin-filepath", "migration.sql", "--pg-version", f"{server // 10000}.0"]
    words += ["--assume-in-transaction"] if in_transaction else []
    words += [word for rule in _SILENCED for word in ("--exclude", rule)]
    # Squawk's own comments would hide findings without a reason.
    given = sql.replace("squawk-ignore", "squawk_ignore")
    try:
        done = subprocess.run(  # noqa: S603  # a fixed program and words; the text is its input
            words,
            input=given.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            cwd="/",
            env={"LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise TooComplex(f"Reading the migration takes longer than {SECONDS:g} s.") from error
    if done.returncode not in {0, 1}:
        raise TooComplex("The migration is nested too deeply to be read.")
    found, lines = json.loads(done.stdout or b"[]"), given.split("\n")
    if len(found) > MAX_FINDINGS:
        raise TooComplex(f"The migration has more than {MAX_FINDINGS} findings.")
    return [_squawked(one, lines) for one in found]


def _squawked(found: dict[str, object], lines: list[str]) -> Squawked:
    line, column = int(str(found["line"])), int(str(found["column"]))
    text = lines[line].encode()[:column].decode(errors="ignore") if line < len(lines) else ""
    return Squawked(str(found["rule_name"]), line + 1, len(text) + 1, str(found["message"]))
