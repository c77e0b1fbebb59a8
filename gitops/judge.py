"""The small server that hooks ask about pushes: a Unix socket, one thread a question, bounded.

Started in a thread by the process that serves git (`serve`). It never writes to git: `pre-receive`
may not move references.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import socketserver
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections

from gitops import tickets
from gitops.arriving import admit, arrived
from gitops.hosts.hook import MAX_UPDATES
from gitops.hosts.local import LocalRepository
from gitops.hosts.program import QUARANTINE
from gitops.judging import Updates
from gitops.models import ConfigRepository
from idp.common.errors import PermanentBackendError, Refusal, SlipwayError
from rbac import audit

log = logging.getLogger(__name__)
MAX_QUESTION = 256_000
PARTS = 3  # old, new, reference
AT_ONCE = 16
READ_SECONDS = 15
LONGEST_PATH = 100  # sun_path of unix(7) holds 108 bytes
_slots = threading.BoundedSemaphore(AT_ONCE)

Answer = dict[str, Any]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(socketserver.StreamRequestHandler):
    timeout = READ_SECONDS

    def handle(self) -> None:
        try:
            question = json.loads(self.rfile.readline(MAX_QUESTION))
            with _slots:
                answer = respond(question)
        except SlipwayError as error:
            answer = refusal([f"{error.message} {error.fix}".strip()])
        except Exception:
            log.exception("a push could not be judged")
            answer = refusal(["This push could not be judged; the server's log says why."])
        finally:
            audit.flush_denials()
            connections.close_all()
        try:
            self.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError:
            log.info("the hook that asked is gone")


def refusal(reasons: list[str]) -> Answer:
    """A no that a person reads in the terminal."""
    lines = ["", "Slipway refuses this push:", *(f"  - {reason}" for reason in reasons), ""]
    return {"allowed": False, "lines": [*lines, "Nothing was changed."]}


def respond(question: dict[str, Any]) -> Answer:
    """The answer to one hook; raises `SlipwayError` for a push without a valid ticket."""
    ticket = tickets.read(str(question.get("ticket", "")))
    repo = ConfigRepository.objects.select_related("project__scope", "project__team").get(
        project__name=ticket.project
    )
    if question.get("phase") == "post-receive":
        return {"allowed": True, "lines": arrived(ticket.actor, repo, _updates(question))}
    updates = _updates(question)
    on_disk = LocalRepository(_path(repo), _quarantine(repo, question.get("environment", {})))
    reasons = admit(ticket.actor, repo, on_disk, updates)
    return refusal(reasons) if reasons else {"allowed": True, "lines": []}


def _updates(question: dict[str, Any]) -> Updates:
    """Every reference that git is about to move; `Refusal` where the list is not whole."""
    given = question.get("updates", [])
    if len(given) != question.get("count") or any(len(update) != PARTS for update in given):
        raise Refusal(
            "The list of references of this push did not arrive whole.",
            fix="Push again; the hook of the repository is renewed with every push.",
        )
    if len(given) > MAX_UPDATES:
        raise Refusal(f"It moves {len(given)} references; {MAX_UPDATES} at most.")
    return [(old, new, ref) for old, new, ref in given]


def _path(repo: ConfigRepository) -> Path:
    return Path(settings.REPOSITORIES_DIR).resolve() / f"{repo.project.name}.git"


def _quarantine(repo: ConfigRepository, named: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The hook's object paths, held to the repository that the ticket names."""
    home, found = _path(repo), []
    for name in QUARANTINE:
        value = named.get(name)
        if value is None:
            continue
        for part in value.split(os.pathsep):
            if not (home / part).resolve().is_relative_to(home):
                raise PermanentBackendError("The push's objects are not in its repository.")
        found.append((name, os.pathsep.join(str(home / part) for part in value.split(os.pathsep))))
    return tuple(found)


def serve(stop: threading.Event) -> None:
    """Answer hooks until `stop` is set; an older server's socket is replaced."""
    path = Path(settings.GIT_JUDGE_SOCKET)
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise PermanentBackendError(
            f"The path of the judge's socket has more than {LONGEST_PATH} bytes: {path}",
            fix="Set SLIPWAY_GIT_JUDGE_SOCKET to a shorter path.",
        )
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        server = _Server(str(fresh), _Handler)
    finally:
        os.umask(before)
    fresh.replace(path)
    mine = path.stat().st_ino
    thread = threading.Thread(target=server.serve_forever, args=(0.2,), name="judge", daemon=True)
    thread.start()
    try:
        stop.wait()
    finally:
        server.shutdown()
        server.server_close()
        if path.exists() and path.stat().st_ino == mine:
            path.unlink()


def ask(path: Path, question: dict[str, Any], seconds: float = 5) -> Answer:
    """One question as a hook puts it; for tests and for a health check."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(seconds)
        line.connect(str(path))
        line.sendall(json.dumps(question).encode() + b"\n")
        answer: Answer = json.loads(line.makefile("rb").readline(1_000_000))
        return answer
