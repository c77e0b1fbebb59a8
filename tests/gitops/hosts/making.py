"""A project that is connected to a repository at a git host, and deliveries of its webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from gitops.hosted import looking, services
from gitops.hosted.models import HostedRepository
from gitops.hosted.receiving import Call
from rbac.actors import Actor
from rbac.models import Project
from tests.gitops.hosts.fakes import TOKEN, FakeHost

SECRET = "a-webhook-secret-of-ours"
FILE = "job: {script: [echo]}\n"


def connect(actor: Actor, project: Project, host: FakeHost, **more: str) -> HostedRepository:
    facts = {"kind": host.kind, "base_url": host.url, "path": host.path, "token": TOKEN}
    return services.connect(actor, project, **{**facts, "webhook_secret": SECRET, **more})


def look(repository: HostedRepository) -> HostedRepository:
    """What a worker does after a webhook; the row afterwards."""
    HostedRepository.objects.filter(pk=repository.pk).update(not_before=None)
    services.look(repository)
    looking.work_on(repository.pk)
    return HostedRepository.objects.select_related("connection", "project__scope").get(
        pk=repository.pk
    )


def push_of(host: FakeHost, sha: str, ref: str = "refs/heads/main") -> dict[str, Any]:
    zero = "0" * 40
    if host.kind == "gitlab":
        return {
            "object_kind": "push", "ref": ref, "before": zero, "after": sha,
            "user_username": "kim", "project": {"path_with_namespace": host.path},
        }  # fmt: skip
    return {
        "ref": ref, "before": zero, "after": sha, "sender": {"login": "kim"},
        "repository": {"full_name": host.path},
    }  # fmt: skip


def request_of(host: FakeHost, number: int, action: str = "opened") -> dict[str, Any]:
    one = host.requests[number]
    if host.kind == "gitlab":
        return {
            "object_kind": "merge_request", "user": {"username": "kim"},
            "project": {"path_with_namespace": host.path},
            "object_attributes": {**one, "action": action},
        }  # fmt: skip
    return {
        "action": action, "number": number, "pull_request": one, "sender": {"login": "kim"},
        "repository": {"full_name": host.path},
    }  # fmt: skip


def comment_of(host: FakeHost, number: int, text: str) -> dict[str, Any]:
    if host.kind == "gitlab":
        return {
            "object_kind": "note", "user": {"username": "kim"},
            "project": {"path_with_namespace": host.path},
            "object_attributes": {"note": text, "noteable_type": "MergeRequest"},
            "merge_request": {"iid": number},
        }  # fmt: skip
    return {
        "action": "created", "issue": {"number": number, "pull_request": {"url": "x"}},
        "comment": {"id": 1, "body": text}, "sender": {"login": "kim"},
        "repository": {"full_name": host.path},
    }  # fmt: skip


def signed(
    host: FakeHost, event: str, data: Mapping[str, Any], *, delivery: str, secret: str = SECRET
) -> tuple[dict[str, str], bytes]:
    """Headers, by their small names, and the body as the host sends them."""
    body = json.dumps(data).encode()
    proof = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    heads = {
        "github": {
            "x-github-event": event,
            "x-github-delivery": delivery,
            "x-hub-signature-256": f"sha256={proof}",
        },
        "gitea": {
            "x-gitea-event": event,
            "x-gitea-delivery": delivery,
            "x-gitea-signature": proof,
        },
        "gitlab": {
            "x-gitlab-event": event,
            "x-gitlab-event-uuid": delivery,
            "x-gitlab-token": secret,
        },
    }
    return {"content-type": "application/json", **heads[host.kind]}, body


def call(repository: HostedRepository, headers: dict[str, str]) -> Call:
    return Call(repository.connection.kind, repository.public_id, headers)
