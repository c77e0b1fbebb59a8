"""GitHub and GitHub Enterprise Server by REST: https://docs.github.com/rest."""

from __future__ import annotations

from collections.abc import Mapping

from gitops.hosts.addresses import Where, where
from gitops.hosts.proofs import require_hex
from gitops.hosts.pulls import PullHost

VERSION = "2022-11-28"
PUBLIC = "github.com"  # its API has a host of its own


class GitHub(PullHost):
    kind = "github"
    title = "GitHub"
    events = ("push", "pull_request", "issue_comment")
    event_header = "x-github-event"
    delivery_header = "x-github-delivery"

    def api_base(self) -> tuple[Where, str]:
        if self.where.host == PUBLIC:
            return where(f"https://api.{PUBLIC}"), ""
        return self.where, f"{self.where.path}/api/v3"

    def credentials(self) -> dict[str, str]:
        return {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
            "Authorization": f"Bearer {self.place.token}",
        }

    @classmethod
    def require_proof(cls, headers: Mapping[str, str], body: bytes, secret: str) -> None:
        given = headers.get("x-hub-signature-256", "").removeprefix("sha256=")
        require_hex(given, body, secret, header="X-Hub-Signature-256")

    def hook_type(self) -> dict[str, str]:
        return {"name": "web"}

    def merge(self, number: int, sha: str) -> None:
        self.api.call("PUT", f"{self.repo}/pulls/{number}/merge", data={"sha": sha})
