"""The shell program of a job: its lines, each printed before it runs, the first failure ends it.

Lines of one script are one program, as with GitLab's runner: an `if` may begin in one line and end
in another, and variables live on.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from functools import lru_cache

GREEN, RESET = "\x1b[32;1m", "\x1b[0;m"
_STRICT = {"bash": "set -eo pipefail", "sh": "set -e"}


@lru_cache(maxsize=1)
def shell() -> tuple[str, str]:
    """The shell that jobs get, bash where there is one: its path and its name."""
    for name in ("bash", "sh"):
        if path := shutil.which(name, path="/bin:/usr/bin:/usr/local/bin"):
            return path, name
    return "/bin/sh", "sh"


def program(lines: Sequence[str]) -> str:
    """The text of a shell program that prints and runs the lines."""
    return "\n".join([_STRICT[shell()[1]], *(f"{_printed(line)}\n{line}" for line in lines), ""])


def _printed(line: str) -> str:
    first, newline, _ = line.strip("\n").partition("\n")
    more = " # collapsed multi-line command" if newline else ""
    return f"printf '%s\\n' {shlex.quote(f'{GREEN}$ {first}{more}{RESET}')}"
