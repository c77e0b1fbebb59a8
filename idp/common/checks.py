"""System checks that fail early: each says what is wrong with the settings, and what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's

from idp.common import conf

CONSOLE = "django.core.mail.backends.console.EmailBackend"
MAX_SOCKET = 100  # bytes: Linux takes 107, macOS 103 (unix(7), sun_path)


@register(Tags.compatibility)
def what_was_read(**_: Any) -> list[CheckMessage]:
    """E001 state directory, E002 database URL, E003 encryption keys: found while reading."""
    unique = {(p.id, p.message): p for p in conf.PROBLEMS}
    return [Error(p.message, hint=p.hint, id=p.id) for p in unique.values()]


@register(Tags.compatibility)
def judge_socket(**_: Any) -> list[CheckMessage]:
    path = str(settings.GIT_JUDGE_SOCKET)
    size = len(os.fsencode(path))
    if size < MAX_SOCKET:
        return []
    return [
        Error(
            f"The path of the judge's socket has {size} bytes; the system takes {MAX_SOCKET - 1}.",
            hint="Name a shorter one in SLIPWAY_GIT_JUDGE_SOCKET, like /run/slipway/judge.sock.",
            id="slipway.E005",
        )
    ]


def _base_url_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "is no URL"
    if parts.scheme not in {"http", "https"} or not valid:
        return "is no http or https URL with a host"
    if parts.path.strip("/") or parts.query or parts.fragment:
        return "has more than scheme, host and port"
    return ""


@register(Tags.compatibility)
def base_url(**_: Any) -> list[CheckMessage]:
    problem = _base_url_problem(settings.BASE_URL)
    if not problem:
        return []
    hint = "Write it like https://slipway.example.com."
    return [Error(f"SLIPWAY_BASE_URL {problem}.", hint=hint, id="slipway.E006")]


@register(Tags.compatibility)
def redis_url(**_: Any) -> list[CheckMessage]:
    url = settings.REDIS_URL
    if not url or url.startswith(("redis://", "rediss://", "unix://")):
        return []
    hint = "Write it like redis://:password@host:6379/0."
    return [Error("SLIPWAY_REDIS_URL is no Redis URL.", hint=hint, id="slipway.E008")]


@register(Tags.compatibility)
def repositories(**_: Any) -> list[CheckMessage]:
    return [*_git(), *_repositories_dir(Path(settings.REPOSITORIES_DIR))]


def _git() -> Iterator[CheckMessage]:
    if shutil.which("git") is None:
        hint = "Install git 2.34 or later; config repositories are kept with it."
        yield Error("There is no program “git”.", hint=hint, id="slipway.E010")


def _repositories_dir(path: Path) -> Iterator[CheckMessage]:
    existing = next((p for p in (path, *path.parents) if p.exists()), Path("/"))
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Error(
            f"The repositories' directory “{path}” cannot be written.",
            hint="Make it writable for this user, or name another in SLIPWAY_REPOSITORIES_DIR.",
            id="slipway.E009",
        )


@register(Tags.security, deploy=True)
def production(**_: Any) -> list[CheckMessage]:
    """What several processes need, and one process does not."""
    found: list[CheckMessage] = []
    if not settings.REDIS_URL and not settings.EMBEDDED:
        hint = "Name the broker in SLIPWAY_REDIS_URL; workers in other processes need one."
        found.append(Error("There is no broker.", hint=hint, id="slipway.E004"))
    host = urlsplit(settings.BASE_URL).hostname if not base_url() else None
    if host and not _allowed(host):
        hint = "Add it to SLIPWAY_ALLOWED_HOSTS, or correct SLIPWAY_BASE_URL."
        found.append(
            Error(f"The host “{host}” of SLIPWAY_BASE_URL is not allowed.", hint, id="slipway.E007")
        )
    if not settings.TRUSTED_PROXIES and not settings.EMBEDDED:
        hint = "Name the proxy's address or network in SLIPWAY_TRUSTED_PROXIES."
        found.append(
            Warning(
                "No proxy is trusted: behind one, everybody has its address, and thirty wrong"
                " passwords by anybody keep all people from signing in.",
                hint=hint,
                id="slipway.W002",
            )
        )
    if settings.EMAIL_BACKEND == CONSOLE and not settings.EMBEDDED:
        hint = "Name the mail server in SLIPWAY_EMAIL_URL, like smtp+tls://user:password@mail:587."
        message = "Invitations and password resets go to the log: there is no mail server."
        found.append(Warning(message, hint=hint, id="slipway.W003"))
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") and not settings.EMBEDDED:
        hint = "Name a PostgreSQL database in SLIPWAY_DATABASE_URL."
        found.append(
            Warning("SQLite serves one machine and one writer.", hint=hint, id="slipway.W001")
        )
    return found


def _allowed(host: str) -> bool:
    return any(
        pattern == "*"
        or host == pattern.strip("[]")
        or (pattern.startswith(".") and (host.endswith(pattern) or host == pattern[1:]))
        for pattern in settings.ALLOWED_HOSTS
    )
