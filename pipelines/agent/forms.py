"""What an agent and Slipway say to each other: both sides read and write these forms.

The address is `PREFIX`; each call carries the agent's token (`Authorization: Bearer …`) and the
name of its process (`INSTANCE`); what is about one attempt carries the attempt's lease (`LEASE`).
404 means that the attempt is not the agent's, 409 that its lease is another's, 410 that it is over:
after each of them the agent kills the job and writes nothing more.
"""

from __future__ import annotations

import msgspec

from pipelines.engine.values.work import Work

PREFIX = "/api/agent/v1/"
LEASE, INSTANCE, DIGEST, ENTRIES = (
    "Slipway-Lease",
    "Slipway-Agent-Instance",
    "Slipway-Digest",  # SHA-256 of the body, hexadecimal
    "Slipway-Entries",
)
CACHE_KEY = "Slipway-Cache-Key"  # URL-encoded
MAX_LOG = 1024 * 1024  # bytes in one call
MAX_WAIT = 20.0  # seconds that a claim may wait
MAX_SLOTS = 256
RUN, CANCEL, LOST = "run", "cancel", "lost"


class Need(msgspec.Struct, frozen=True):
    """Files of a job before that go into the workspace."""

    artifact: int
    job: str
    digest: str
    size: int


class Order(msgspec.Struct, frozen=True):
    """An attempt to run. Variables, files and secrets are told to nobody before it is claimed."""

    attempt: int
    lease: str
    name: str
    sha: str
    work: Work
    variables: dict[str, str]
    files: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    timeout: float = 3600.0
    memory: int = 0
    disk: int = 0
    processes: int = 0
    needs: tuple[Need, ...] = ()

    def __repr__(self) -> str:
        return f"Order({self.attempt}, {self.name!r})"


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks for at most `slots` attempts, and waits for one; `holding` are those that it has."""

    version: str = ""
    slots: int = 1
    wait: float = 0.0
    tags: tuple[str, ...] | None = None  # only of these; none said: all that the agent has
    holding: tuple[int, ...] = ()


class Claimed(msgspec.Struct, frozen=True):
    """What came of it; `retry_after` says when to ask again, `rotate` that the token gets old."""

    orders: tuple[Order, ...] = ()
    retry_after: float = 0.0
    rotate: bool = False


class Beat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The leases to renew, by the attempt's number."""

    attempts: dict[int, str] = {}


class Beaten(msgspec.Struct, frozen=True):
    """`run`, `cancel` or `lost` for each attempt."""

    attempts: dict[int, str] = {}


class Logged(msgspec.Struct, frozen=True):
    """How far the log is stored; whether the job shall end."""

    offset: int
    cancel: bool = False


class Kept(msgspec.Struct, frozen=True):
    """What is wrong with reports that were kept all the same, a line each."""

    lines: tuple[str, ...] = ()


class Finish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an attempt ended."""

    status: str
    failure: str = ""
    message: str = ""
    exit_code: int | None = None
    coverage: float | None = None


class Rotated(msgspec.Struct, frozen=True):
    """The next token; it counts from its first use on, and the old one dies then."""

    token: str
    expires_at: str
