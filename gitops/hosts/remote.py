"""Another host's repository as git reads it: what its references point to, and its objects.

The credential travels in git's environment, never in its arguments or an address; git speaks HTTP
only, to the pinned address of a listed host, follows no redirect, and is bounded in time and size.
"""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitops.hosts import addresses, program
from gitops.hosts.base import Host
from gitops.hosts.program import GitError
from idp.common.errors import (
    Denied,
    NotFound,
    PermanentBackendError,
    TemporaryBackendError,
)

LOOK_SECONDS = 20.0
FETCH_SECONDS = 300.0
MAX_REFS = 20_000
_BLOCK = 512  # bytes; what `ulimit -f` counts in
# dash(1): the limit holds for git and whatever it starts, so for the pack that it writes.
_LIMITED = 'ulimit -f "$0" && exec "$@"'
_LINE = re.compile(rb"([0-9a-f]{40})\t(refs/[^\0\n]{1,300})")
_REFUSED = ("Authentication failed", "could not read Username", "error: 403", "error: 401")
_ABSENT = ("not found", "error: 404")
_LARGE = ("File too large", "file size limit", "SIGXFSZ", "signal 25")
_PASSING = ("Could not resolve", "Failed to connect", "timed out", "error: 5", "RPC failed")
_MASK = "[MASKED]"


@dataclass(frozen=True)
class Remote:
    """Where git fetches from; `secret` is the header that lets it in."""

    url: str
    host: str
    pinned: str  # host:port:address
    secret: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        settings = {
            "http.followRedirects": "false",
            "http.extraHeader": self.secret,
            "http.curloptResolve": self.pinned,
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "30",
            "credential.helper": "",
            "fetch.fsckObjects": "true",
            "fetch.unpackLimit": "1",
            "gc.auto": "0",
            "core.askPass": "",
        }
        found = {"GIT_ALLOW_PROTOCOL": "https:http", "GIT_CONFIG_COUNT": str(len(settings))}
        for index, (key, value) in enumerate(settings.items()):
            found[f"GIT_CONFIG_KEY_{index}"] = key
            found[f"GIT_CONFIG_VALUE_{index}"] = value
        return found

    def masked(self, said: str) -> str:
        """What git said, without the credential."""
        for word in {self.secret, *self.secret.split(" ")[2:]}:
            said = said.replace(word, _MASK)
        return said


def remote_of(host: Host) -> Remote:
    """The repository that a host was made for; raises `Invalid` for where Slipway does not go."""
    place = host.place
    where = addresses.where(place.base_url)
    name = addresses.repository_name(place.repository)
    address = addresses.address_of(where)
    shown = f"[{address}]" if ":" in address else address
    pair = base64.b64encode(f"{host.git_user}:{place.token}".encode()).decode()
    return Remote(
        url=f"{where.scheme}://{where.netloc}{where.path}/{name}.git",
        host=where.host,
        pinned=f"{where.host}:{where.port}:{shown}",
        secret=f"Authorization: Basic {pair}" if place.token else "X-Slipway: none",
    )


def references(remote: Remote, *patterns: str) -> dict[str, str]:
    """Commit by reference; raises past `MAX_REFS`."""
    out = _run(
        remote,
        Path("/nonexistent"),
        ["ls-remote", "--quiet", "--", remote.url, *patterns],
        seconds=LOOK_SECONDS,
    )
    found = {
        match[2].decode(errors="replace"): match[1].decode()
        for match in _LINE.finditer(out)
        if not match[2].endswith(b"^{}")
    }
    if len(found) > MAX_REFS:
        raise PermanentBackendError(
            f"The repository at {remote.host} has more than {MAX_REFS} branches and tags.",
            fix="Delete those that nobody needs.",
        )
    return found


def fetch(remote: Remote, repository: Path, specs: Sequence[str], *, largest: int) -> None:
    """Bring what the specifications name into a bare repository; nothing larger than `largest`."""
    words = ["fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--force"]
    words += ["--no-recurse-submodules", "--", remote.url, *specs]
    try:
        _run(remote, repository, words, seconds=FETCH_SECONDS, largest=largest)
    except GitError as error:
        if any(word in error.stderr for word in _LARGE):
            raise PermanentBackendError(
                f"The repository at {remote.host} has more than {largest // 1024**2} MB.",
                fix="The operator allows more by SLIPWAY_MIRROR_BYTES.",
            ) from error
        raise


def _run(
    remote: Remote,
    repository: Path,
    words: Sequence[str],
    *,
    seconds: float,
    largest: int = 64 * 1024**2,
) -> bytes:
    command = [program.executable(), f"--git-dir={repository}", *words]
    try:
        done = subprocess.run(  # noqa: S603 - arguments are ours or validated; none is a script
            ["/bin/sh", "-c", _LIMITED, str(largest // _BLOCK), *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=program.environment(remote.environment()),
            timeout=seconds,
            cwd="/",
        )
    except subprocess.TimeoutExpired as error:
        raise TemporaryBackendError(
            f"{remote.host} did not hand over the repository within {seconds:.0f} s."
        ) from error
    if done.returncode:
        said = remote.masked(done.stderr.decode(errors="replace").strip())
        raise _judged(remote, said, done.returncode)
    return done.stdout


def _judged(remote: Remote, said: str, status: int) -> Exception:
    if any(word in said for word in _REFUSED):
        return Denied(
            f"{remote.host} does not let git in.", fix="Check the token, its scopes and its end."
        )
    if "redirect" in said or "error: 30" in said:
        return PermanentBackendError(
            f"{remote.host} sends git elsewhere; that is not followed.",
            fix="Give the address it names: the repository or the host has moved.",
        )
    if any(word in said for word in _ABSENT):
        return NotFound(
            f"{remote.host} has no such repository, or the token does not see it.",
            fix="Check the repository's name and the token's access to it.",
        )
    if any(word in said for word in _PASSING):
        return TemporaryBackendError(f"git cannot reach {remote.host}: {said[:300]}")
    return GitError(f"git cannot read {remote.host}: {said[:300]}", status=status, stderr=said)
