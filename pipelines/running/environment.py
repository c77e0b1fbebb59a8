"""What a job's environment starts from on the machine that runs it; its variables come on top."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAM = "slipway"
# The agent's own: its token and settings, and where it was started rather than where a job is.
_NOT_THE_JOBS = frozenset({"HOME", "PWD", "OLDPWD", "SHLVL", "_"})
_SLIPWAYS = "SLIPWAY_"


def plain() -> dict[str, str]:
    """The system's folders of programs and `slipway`; nothing of this process."""
    return {"PATH": f"{_SYSTEM}:{own_programs()}", "LANG": "C.UTF-8"}


def inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """This process's environment, as in the container of one job, without what is Slipway's."""
    found = {
        name: value
        for name, value in environment.items()
        if name not in _NOT_THE_JOBS and not name.startswith(_SLIPWAYS)
    }
    found["PATH"] = f"{found.get('PATH') or _SYSTEM}:{own_programs()}"
    return plain() | found


def own_programs() -> str:
    """The folder of the command line of this very Slipway."""
    started = Path(sys.argv[0])
    if started.name == _PROGRAM and started.is_file():
        return str(started.resolve().parent)
    return sysconfig.get_path("scripts")
