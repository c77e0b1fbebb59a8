"""What callers see of a git host: our own values, and one interface for Gitea, GitHub and GitLab.

A host is asked about one repository. Webhooks are judged before anything of them is read: a
delivery without a valid proof raises `Forged`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from gitops.hosts.calls import Api
from idp.common.errors import Invalid, NotFound, PermanentBackendError

MAX_DESCRIPTION = 140  # of a commit status: GitHub's limit, the smallest of the three


class State(StrEnum):
    """Of a commit, as people see it beside the commit."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True)
class Status:
    """One line beside a commit; `context` tells it from those of others."""

    state: State
    context: str
    description: str
    url: str


@dataclass(frozen=True)
class MergeRequest:
    """A request to merge; GitHub and Gitea call it a pull request."""

    number: int
    title: str
    description: str
    state: str  # open | merged | closed
    draft: bool
    source_branch: str
    target_branch: str
    sha: str  # of the source branch's head
    source_repository: str  # owner/name; empty where it is gone
    fork: bool
    author: str
    url: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pushed:
    """References moved; what they point to now is asked of the host itself."""

    ref: str
    before: str
    after: str
    who: str


@dataclass(frozen=True)
class MergeRequestChanged:
    number: int
    action: str
    who: str


@dataclass(frozen=True)
class Commented:
    """Somebody wrote below a merge request."""

    number: int
    who: str
    text: str


@dataclass(frozen=True)
class Ignored:
    """A genuine delivery that asks for nothing; `what` is the host's own word for it."""

    what: str


Event = Pushed | MergeRequestChanged | Commented | Ignored


@dataclass(frozen=True)
class Delivery:
    """A webhook whose proof held: its id, the repository that it speaks of, and what happened."""

    id: str
    repository: str
    event: Event


@dataclass(frozen=True)
class Finding:
    """One result of a connection test."""

    check: str
    ok: bool
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Facts:
    """What the host says of the repository."""

    default_branch: str
    url: str
    may_write: bool


@dataclass(frozen=True)
class Place:
    """Where a repository is, and the credential for it."""

    base_url: str  # as people open it, without a path of a repository
    repository: str  # owner/name; GitLab: group/sub-group/name
    token: str = field(repr=False)


class Forged(Invalid):
    """A delivery without a valid proof of its sender."""

    status, code, title = 401, "forged", "The delivery proves no sender"


class Host(ABC):
    """One repository at a git host. Every call has a deadline and raises `BackendError`."""

    kind: ClassVar[str]
    title: ClassVar[str]
    git_user: ClassVar[str] = "x-access-token"  # beside the token, for git itself
    api: Api

    def __init__(self, place: Place) -> None:
        self.place = place

    # -- webhooks ------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def delivery(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Delivery:
        """The delivery, once its proof held. `headers` by their names in small letters.

        Raises `Forged`, and `Invalid` for a genuine one that cannot be read.
        """

    @abstractmethod
    def ensure_hook(self, url: str, secret: str) -> None:
        """Have the host send pushes, merge requests and comments to `url`; one hook, never two."""

    # -- the repository ------------------------------------------------------------------------

    @abstractmethod
    def facts(self) -> Facts: ...

    @abstractmethod
    def set_status(self, sha: str, status: Status) -> None: ...

    # -- merge requests ------------------------------------------------------------------------

    @abstractmethod
    def merge_requests(self) -> list[MergeRequest]:
        """The open ones, newest first, at most a hundred."""

    @abstractmethod
    def merge_request(self, number: int) -> MergeRequest: ...

    @abstractmethod
    def open_merge_request(
        self, *, source: str, target: str, title: str, description: str
    ) -> MergeRequest: ...

    @abstractmethod
    def merge(self, number: int, sha: str) -> None:
        """Merge while its head is `sha`; raises `Conflict` where it moved or does not merge."""

    def put_comment(self, number: int, body: str, *, marker: str, known: str = "") -> str:
        """Write the one comment that has `marker` in it, or rewrite it; its id.

        `known` is the id of an earlier call. Only comments of the token's own account count:
        anybody may copy a marker.
        """
        if known.isascii() and known.isdecimal():
            try:
                self.rewrite_comment(number, known, body)
            except NotFound:  # somebody removed it
                return self.put_comment(number, body, marker=marker)
            return known
        for comment in self.comments(number):
            own = self.comment_author(comment) == self.account
            if own and marker in str(part(comment, "body")):
                found = self._id_of(comment)
                self.rewrite_comment(number, found, body)
                return found
        return self._id_of(self.write_comment(number, body))

    @abstractmethod
    def comments(self, number: int) -> Iterator[Any]:
        """Of a merge request, as the host describes them, as far as they are read."""

    @abstractmethod
    def write_comment(self, number: int, body: str) -> Any: ...

    @abstractmethod
    def rewrite_comment(self, number: int, comment: str, body: str) -> None:
        """Raises `NotFound` where it is gone."""

    @classmethod
    @abstractmethod
    def comment_author(cls, comment: Any) -> Any:
        """The account that wrote it, to compare with `account`."""

    @cached_property
    def account(self) -> int:
        """The account that the token is of."""
        return number(part(self.api.get("/user"), "id"))

    def _id_of(self, comment: Any) -> str:
        try:
            return str(number(part(comment, "id")))
        except Invalid as error:
            raise PermanentBackendError(f"{self.title} has a comment without an id.") from error

    @classmethod
    @abstractmethod
    def head_ref(cls, number: int) -> str:
        """The reference under which git finds a merge request's head, also of a fork."""


def text(value: Any, longest: int = 1000) -> str:
    """A text of an answer, or empty for whatever else came."""
    return value[:longest].replace("\0", "") if isinstance(value, str) else ""


def part(value: Any, *names: str) -> Any:
    """What stands below a path of names in an answer, or None."""
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def number(value: Any) -> int:
    """A positive number of an answer; raises `Invalid`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**53:
        raise Invalid("The host names a number that is none.")
    return value
