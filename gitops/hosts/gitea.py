"""Gitea (and Forgejo) by its REST: https://docs.gitea.com/api."""

from __future__ import annotations

from collections.abc import Mapping

from gitops.hosts.addresses import Where
from gitops.hosts.base import MergeRequest
from gitops.hosts.proofs import require_hex
from gitops.hosts.pulls import PullHost
from idp.common.errors import Conflict, NotFound, TemporaryBackendError


class Gitea(PullHost):
    kind = "gitea"
    title = "Gitea"
    events = ("push", "pull_request", "pull_request_sync", "pull_request_comment")
    event_header = "x-gitea-event"
    delivery_header = "x-gitea-delivery"

    def api_base(self) -> tuple[Where, str]:
        return self.where, f"{self.where.path}/api/v1"

    def credentials(self) -> dict[str, str]:
        return {"Authorization": f"token {self.place.token}"}

    @classmethod
    def require_proof(cls, headers: Mapping[str, str], body: bytes, secret: str) -> None:
        given = headers.get("x-gitea-signature", "")
        require_hex(given, body, secret, header="X-Gitea-Signature")

    def hook_type(self) -> dict[str, str]:
        return {"type": "gitea"}

    def merge_requests(self) -> list[MergeRequest]:
        try:
            return super().merge_requests()
        except NotFound:  # it says so of a repository that is still empty
            self.facts()  # raises where the repository itself is gone
            return []

    def merge(self, number: int, sha: str) -> None:
        data = {"Do": "merge", "head_commit_id": sha}
        try:
            self.api.call("POST", f"{self.repo}/pulls/{number}/merge", data=data)
        except Conflict as error:
            if "try again later" in error.message.lower():  # it is still looking at the request
                raise TemporaryBackendError(error.message, retry_after=2) from error
            raise
