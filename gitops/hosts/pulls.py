"""What GitHub's REST and Gitea's have in common: pull requests, statuses, issue comments, hooks."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from gitops.hosts import addresses
from gitops.hosts.addresses import Where
from gitops.hosts.base import (
    MAX_DESCRIPTION,
    Commented,
    Delivery,
    Event,
    Facts,
    Host,
    Ignored,
    MergeRequest,
    MergeRequestChanged,
    Place,
    Pushed,
    State,
    Status,
    number,
    part,
    text,
)
from gitops.hosts.calls import Api
from idp.common.errors import Invalid, PermanentBackendError

PAGE = 100
MAX_PAGES = 10
MAX_ID = 128
_STATES = {
    State.PENDING: "pending",
    State.RUNNING: "pending",
    State.SUCCESS: "success",
    State.FAILED: "failure",
}


class PullHost(Host):
    """A host with pull requests; the two differ in addresses, headers and how they merge."""

    events: ClassVar[tuple[str, ...]]
    event_header: ClassVar[str]
    delivery_header: ClassVar[str]

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.where = addresses.where(place.base_url)
        self.api = Api(*self.api_base(), self.credentials())
        self.repo = f"/repos/{quote(addresses.repository_name(place.repository), safe='/')}"

    @abstractmethod
    def api_base(self) -> tuple[Where, str]:
        """The API's host, and the path before its own."""

    @abstractmethod
    def credentials(self) -> dict[str, str]:
        """The headers of every call."""

    # -- webhooks ------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def require_proof(cls, headers: Mapping[str, str], body: bytes, secret: str) -> None:
        """Raises `Forged` for a delivery that is not signed with the secret."""

    @classmethod
    def delivery(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Delivery:
        cls.require_proof(headers, body, secret)
        found = decoded(body)
        return Delivery(
            id=delivery_id(headers.get(cls.delivery_header, ""), body),
            repository=text(part(found, "repository", "full_name"), 300),
            event=_event(headers.get(cls.event_header, ""), found),
        )

    def ensure_hook(self, url: str, secret: str) -> None:
        wanted = {
            "active": True,
            "events": list(self.events),
            "config": {"url": url, "content_type": "json", "secret": secret},
        }
        for hook in self._pages(f"{self.repo}/hooks"):
            if part(hook, "config", "url") == url:
                path = f"{self.repo}/hooks/{number(part(hook, 'id'))}"
                self.api.call("PATCH", path, data=wanted)
                return
        self.api.call("POST", f"{self.repo}/hooks", data={**self.hook_type(), **wanted})

    def hook_type(self) -> dict[str, str]:
        return {}

    # -- the repository ------------------------------------------------------------------------

    def facts(self) -> Facts:
        found = self.api.get(self.repo)
        return Facts(
            default_branch=text(part(found, "default_branch"), 255),
            url=text(part(found, "html_url")),
            may_write=part(found, "permissions", "push") is True,
        )

    def set_status(self, sha: str, status: Status) -> None:
        data = {
            "state": _STATES[status.state],
            "context": status.context,
            "description": status.description[:MAX_DESCRIPTION],
            "target_url": status.url,
        }
        self.api.call("POST", f"{self.repo}/statuses/{sha}", data=data)

    # -- merge requests ------------------------------------------------------------------------

    def merge_requests(self) -> list[MergeRequest]:
        found = self.api.list(f"{self.repo}/pulls", state="open", per_page=PAGE, limit=PAGE)
        return [self._pull(one) for one in found[:PAGE]]

    def merge_request(self, number: int) -> MergeRequest:
        return self._pull(self.api.get(f"{self.repo}/pulls/{number}"))

    def open_merge_request(
        self, *, source: str, target: str, title: str, description: str
    ) -> MergeRequest:
        data = {"head": source, "base": target, "title": title, "body": description}
        return self._pull(self.api.call("POST", f"{self.repo}/pulls", data=data))

    def comments(self, number: int) -> Iterator[Any]:
        return self._pages(f"{self.repo}/issues/{number}/comments")

    def write_comment(self, number: int, body: str) -> Any:
        path = f"{self.repo}/issues/{number}/comments"
        return self.api.call("POST", path, data={"body": body})

    def rewrite_comment(self, number: int, comment: str, body: str) -> None:
        path = f"{self.repo}/issues/comments/{comment}"
        self.api.call("PATCH", path, data={"body": body})

    @classmethod
    def comment_author(cls, comment: Any) -> Any:
        return part(comment, "user", "id")

    @classmethod
    def head_ref(cls, number: int) -> str:
        return f"refs/pull/{number}/head"

    # -- reading -------------------------------------------------------------------------------

    def _pages(self, path: str) -> Iterator[Any]:
        """Everything of a list, as far as `MAX_PAGES` go."""
        seen: set[str] = set()
        for page in range(1, MAX_PAGES + 1):
            found = self.api.list(path, page=page, per_page=PAGE, limit=PAGE)
            ids = {str(part(one, "id")) for one in found}
            if ids <= seen:  # a host without pages answers everything each time
                return
            seen |= ids
            yield from found
            if len(found) < PAGE:
                return

    def _pull(self, found: Any) -> MergeRequest:
        try:
            return pull(found)
        except Invalid as error:
            raise PermanentBackendError(
                f"{self.where.host} describes a pull request that Slipway cannot read."
            ) from error


def pull(found: Any) -> MergeRequest:
    """A pull request as an answer or a webhook has it."""
    source = text(part(found, "head", "repo", "full_name"), 300)
    merged = part(found, "merged") is True or bool(part(found, "merged_at"))
    labels = part(found, "labels")
    return MergeRequest(
        number=number(part(found, "number")),
        title=text(part(found, "title"), 500),
        description=text(part(found, "body"), 20_000),
        state="merged" if merged else "open" if part(found, "state") == "open" else "closed",
        draft=part(found, "draft") is True,
        source_branch=text(part(found, "head", "ref"), 255),
        target_branch=text(part(found, "base", "ref"), 255),
        sha=text(part(found, "head", "sha"), 64),
        source_repository=source,
        fork=source.lower() != text(part(found, "base", "repo", "full_name"), 300).lower(),
        author=text(part(found, "user", "login"), 200),
        url=text(part(found, "html_url")),
        labels=tuple(
            text(part(one, "name"), 100)
            for one in (labels if isinstance(labels, list) else [])[:50]
        ),
    )


def _event(kind: str, found: Any) -> Event:
    who = text(part(found, "sender", "login"), 200)
    if kind == "push":
        return Pushed(
            ref=text(part(found, "ref"), 300),
            before=text(part(found, "before"), 64),
            after=text(part(found, "after"), 64),
            who=who or text(part(found, "pusher", "login"), 200),
        )
    if kind in {"create", "delete"}:
        return Ignored(kind)
    below = part(found, "issue", "pull_request") or part(found, "is_pull") is True
    if kind in {"issue_comment", "pull_request_comment"} and below:
        one = number(part(found, "issue", "number"))
        return Commented(one, who, text(part(found, "comment", "body"), 20_000))
    if kind.startswith("pull_request") and part(found, "pull_request") and "comment" not in kind:
        one = number(part(found, "pull_request", "number"))
        return MergeRequestChanged(one, text(part(found, "action"), 60), who)
    return Ignored(kind[:60] or "no event")


def decoded(body: bytes) -> Mapping[str, Any]:
    """The object of a webhook's body; raises `Invalid`."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "The delivery is no JSON.", fix="Choose application/json for the webhook."
        ) from error
    if not isinstance(found, dict):
        raise Invalid("The delivery is no JSON object.")
    return found


def delivery_id(given: str, body: bytes) -> str:
    """The host's id of a delivery; without one, what the body itself amounts to."""
    plain = given.isascii() and given.isprintable() and 0 < len(given) <= MAX_ID
    return given if plain else f"sha256:{hashlib.sha256(body).hexdigest()}"
