"""Hooks of our bare repositories: a small program that asks Slipway over a Unix socket.

`pre-receive` may not move references; it sends the updates, the quarantine's paths and the
push's signed ticket, prints the answer, and refuses where nobody answers. It sends every update or
refuses: git bounds neither their number nor the length of a name, and moves what it was not told
of, so a list cut short would let the rest in unjudged.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

MAX_UPDATES = 50
MAX_LIST = 32_768  # bytes: each update has 82 and the reference's name

_PROGRAM = '''#!/bin/sh
"exec" "{python}" "-I" "$0" "$@"
"""Asks Slipway about a push. Installed and kept up to date by Slipway; do not edit."""
import json, os, socket, sys
NAMES = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
PHASE = os.path.basename(sys.argv[0])
TICKET = os.environ.get("SLIPWAY_TICKET", "")


def refuse(*reasons):
    for text in ("", *reasons, "Nothing was changed."):
        print(text)
    sys.exit(1)


listed = sys.stdin.buffer.read({most} + 1)
lines = listed.decode(errors="replace").split("\\n")
if len(listed) > {most} or len(lines) > {updates} + 1 or lines.pop():
    refuse(
        "Slipway refuses this push: it moves more references, or ones with longer names, than"
        " Slipway judges at once.",
        "At most {updates} references and {most} bytes of their names. Push them in parts.",
    )
question = {{
    "phase": PHASE,
    "repository": os.path.abspath(os.environ.get("GIT_DIR", ".")),
    "ticket": TICKET,
    "environment": {{name: os.environ[name] for name in NAMES if name in os.environ}},
    "count": len(lines),
    "updates": [line.split(" ", 2) for line in lines],
}}
try:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout({deadline})
        line.connect({socket!r})
        line.sendall(json.dumps(question).encode() + b"\\n")
        answer = json.loads(line.makefile("rb").readline(1_000_000))
except (OSError, ValueError) as error:
    if PHASE != "pre-receive":
        sys.exit(0)
    refuse(
        "Slipway: nobody is there to judge this push (%s)." % (error or type(error).__name__),
        "Try again in a minute; if it stays so, tell the platform team.",
    )
for text in answer.get("lines", ()):
    print(text)
sys.exit(0 if answer.get("allowed") else 1)
'''
DEADLINE = 60
HOOKS = ("pre-receive", "post-receive")


def text(socket: Path) -> str:
    """The hook's program for this installation."""
    return _PROGRAM.format(
        python=sys.executable,
        deadline=DEADLINE,
        socket=str(socket),
        most=MAX_LIST,
        updates=MAX_UPDATES,
    )


def install(repository: Path, socket: Path) -> None:
    """Write the hooks where they are missing or from another installation."""
    wanted = text(socket)
    directory = repository / "hooks"
    directory.mkdir(exist_ok=True)
    for name in HOOKS:
        file = directory / name
        if not file.exists() or file.read_text() != wanted:
            with tempfile.NamedTemporaryFile("w", dir=directory, delete=False) as made:
                made.write(wanted)
            fresh = Path(made.name)  # a name of its own: several processes may write at once
            fresh.chmod(0o700)
            fresh.replace(file)
