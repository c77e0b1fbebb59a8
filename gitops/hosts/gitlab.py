"""GitLab by its REST, version 4: https://docs.gitlab.com/api/rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from gitops.hosts import addresses, proofs
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
from gitops.hosts.pulls import MAX_PAGES, PAGE, decoded, delivery_id
from idp.common.errors import Invalid, PermanentBackendError

DEVELOPER = 30  # access level that may push
_STATES = {
    State.PENDING: "pending",
    State.RUNNING: "running",
    State.SUCCESS: "success",
    State.FAILED: "failed",
}


class GitLab(Host):
    kind = "gitlab"
    title = "GitLab"
    git_user = "oauth2"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.where = addresses.where(place.base_url)
        headers = {"PRIVATE-TOKEN": place.token}
        self.api = Api(self.where, f"{self.where.path}/api/v4", headers)
        name = addresses.repository_name(place.repository)
        self.project = f"/projects/{quote(name, safe='')}"

    # -- webhooks ------------------------------------------------------------------------------

    @classmethod
    def delivery(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Delivery:
        proofs.require_token(headers, body, secret)
        found = decoded(body)
        names = ("webhook-id", "idempotency-key", "x-gitlab-event-uuid")
        given = next((headers[name] for name in names if headers.get(name)), "")
        return Delivery(
            id=delivery_id(given, body),
            repository=text(part(found, "project", "path_with_namespace"), 300),
            event=_event(found),
        )

    def ensure_hook(self, url: str, secret: str) -> None:
        key = "signing_token" if proofs.is_signing(secret) else "token"
        wanted = {
            "url": url,
            key: secret,
            "push_events": True,
            "tag_push_events": True,
            "merge_requests_events": True,
            "note_events": True,
            "enable_ssl_verification": True,
        }
        hooks = f"{self.project}/hooks"
        for hook in self._pages(hooks):
            if part(hook, "url") == url:
                self.api.call("PUT", f"{hooks}/{number(part(hook, 'id'))}", data=wanted)
                return
        self.api.call("POST", hooks, data=wanted)

    # -- the repository ------------------------------------------------------------------------

    def facts(self) -> Facts:
        found = self.api.get(self.project)
        levels = [
            part(found, "permissions", name, "access_level")
            for name in ("project_access", "group_access")
        ]
        return Facts(
            default_branch=text(part(found, "default_branch"), 255),
            url=text(part(found, "web_url")),
            may_write=any(isinstance(one, int) and one >= DEVELOPER for one in levels),
        )

    def set_status(self, sha: str, status: Status) -> None:
        data = {
            "state": _STATES[status.state],
            "name": status.context,
            "description": status.description[:MAX_DESCRIPTION],
            "target_url": status.url,
        }
        try:
            self.api.call("POST", f"{self.project}/statuses/{sha}", data=data)
        except PermanentBackendError as error:
            if "Cannot transition status" not in error.message:  # it is what it should be already
                raise

    # -- merge requests ------------------------------------------------------------------------

    def merge_requests(self) -> list[MergeRequest]:
        found = self.api.list(f"{self.project}/merge_requests", state="opened", per_page=PAGE)
        return [self._read(one) for one in found[:PAGE]]

    def merge_request(self, number: int) -> MergeRequest:
        return self._read(self.api.get(f"{self.project}/merge_requests/{number}"))

    def open_merge_request(
        self, *, source: str, target: str, title: str, description: str
    ) -> MergeRequest:
        data = {
            "source_branch": source,
            "target_branch": target,
            "title": title,
            "description": description,
        }
        return self._read(self.api.call("POST", f"{self.project}/merge_requests", data=data))

    def merge(self, number: int, sha: str) -> None:
        self.api.call("PUT", f"{self.project}/merge_requests/{number}/merge", data={"sha": sha})

    def comments(self, number: int) -> Iterator[Any]:
        return self._pages(self._notes(number))

    def write_comment(self, number: int, body: str) -> Any:
        return self.api.call("POST", self._notes(number), data={"body": body})

    def rewrite_comment(self, number: int, comment: str, body: str) -> None:
        self.api.call("PUT", f"{self._notes(number)}/{comment}", data={"body": body})

    def _notes(self, number: int) -> str:
        return f"{self.project}/merge_requests/{number}/notes"

    @classmethod
    def comment_author(cls, comment: Any) -> Any:
        return part(comment, "author", "id")

    @classmethod
    def head_ref(cls, number: int) -> str:
        return f"refs/merge-requests/{number}/head"

    # -- reading -------------------------------------------------------------------------------

    def _pages(self, path: str) -> Iterator[Any]:
        for page in range(1, MAX_PAGES + 1):
            found = self.api.list(path, page=page, per_page=PAGE)
            yield from found
            if len(found) < PAGE:
                return

    def _read(self, found: Any) -> MergeRequest:
        try:
            return merge_request(found)
        except Invalid as error:
            raise PermanentBackendError(
                f"{self.where.host} describes a merge request that Slipway cannot read."
            ) from error


def merge_request(found: Any) -> MergeRequest:
    """A merge request as an answer has it."""
    state = text(part(found, "state"), 20)
    source, target = part(found, "source_project_id"), part(found, "target_project_id")
    labels = part(found, "labels")
    return MergeRequest(
        number=number(part(found, "iid")),
        title=text(part(found, "title"), 500),
        description=text(part(found, "description"), 20_000),
        state={"opened": "open", "merged": "merged"}.get(state, "closed"),
        draft=part(found, "draft") is True,
        source_branch=text(part(found, "source_branch"), 255),
        target_branch=text(part(found, "target_branch"), 255),
        sha=text(part(found, "sha"), 64),
        source_repository=str(source) if isinstance(source, int) else "",
        fork=source != target or not isinstance(source, int),
        author=text(part(found, "author", "username"), 200),
        url=text(part(found, "web_url")),
        labels=tuple(text(one, 100) for one in (labels if isinstance(labels, list) else [])[:50]),
    )


def _event(found: Any) -> Event:
    kind = text(part(found, "object_kind"), 60)
    who = text(part(found, "user", "username"), 200) or text(part(found, "user_username"), 200)
    facts = part(found, "object_attributes")
    if kind in {"push", "tag_push"}:
        return Pushed(
            ref=text(part(found, "ref"), 300),
            before=text(part(found, "before"), 64),
            after=text(part(found, "after"), 64),
            who=who,
        )
    if kind == "merge_request":
        return MergeRequestChanged(number(part(facts, "iid")), text(part(facts, "action"), 60), who)
    if kind == "note" and part(facts, "noteable_type") == "MergeRequest":
        one = number(part(found, "merge_request", "iid"))
        return Commented(one, who, text(part(facts, "note"), 20_000))
    return Ignored(kind or "no event")
