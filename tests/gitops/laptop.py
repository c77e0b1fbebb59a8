"""What a person does with `git` on a laptop; its fixtures are in `conftest`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import yaml
from django.utils import timezone

from gitops.hosts.local import ZERO
from rbac.models import ApiToken, User
from rbac.tokens import new_text
from tests.gitops.factories import NAMESPACE

Git = Callable[..., subprocess.CompletedProcess[str]]


def token_of(user: User) -> str:
    text, prefix, digest = new_text()
    until = timezone.now() + timedelta(hours=1)
    ApiToken.objects.create(
        user=user, name="laptop", prefix=prefix, digest=digest, expires_at=until
    )
    return text


def write(laptop: Path, path: str, content: str) -> None:
    file = laptop / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def documents(*found: dict[str, object]) -> str:
    return yaml.safe_dump({"documents": [NAMESPACE, *found]})


def push(git: Git, *, ok: bool = True, ref: str = "main") -> str:
    git("add", "-A")
    git("commit", "-q", "-m", "By hand")
    return git("push", "-q", "origin", f"HEAD:{ref}", ok=ok).stderr


def named(kind: str, name: str, **more: object) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


def packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data


def push_by_hand(git: Git, updates: list[tuple[str, str, str]]) -> str:
    """What a push says that no `git push` would make: its commands as given, in their order."""
    first, *rest = [packet(f"{old} {new} {ref}".encode()) for old, new, ref in updates]
    first = packet(first[4:] + b"\0report-status side-band-64k")
    wanted = "".join(f"{new}\n^{old}\n".replace(f"^{ZERO}\n", "") for old, new, _ in updates)
    pack = subprocess.run(
        ["git", "pack-objects", "--revs", "--stdout", "-q"],
        cwd=git("rev-parse", "--show-toplevel").stdout.strip(), input=wanted.encode(),
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    url = httpx.URL(git("remote", "get-url", "origin").stdout.strip())
    answer = httpx.post(
        url.copy_with(path=f"{url.path}/git-receive-pack"),
        content=b"".join([first, *rest, b"0000", pack]),
        headers={"content-type": "application/x-git-receive-pack-request"},
        timeout=30,
    )
    return answer.text
