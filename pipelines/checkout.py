"""A checkout as the engine's context: unignored files, branch, commit, what changed; no server.

Only git is asked, with the environment's own settings of repositories taken out and without the
repository's monitor program, which would run what a stranger wrote.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from pipelines.engine.context import Context
from pipelines.engine.source import MAX_BYTES
from pipelines.engine.sources import NoSources, Oversize, SourceError
from pipelines.local_settings import NOTHING, LocalSettings
from pipelines.running.workspace import Origin

MAX_FILES = 200_000
_SECONDS = 20
_BRANCHES = "refs/heads/"
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True)
class Head:
    """Where a checkout stands; empty texts where there is no commit, or no branch."""

    branch: str = ""
    sha: str = ""
    parent: str = ""
    message: str = ""


@dataclass(frozen=True)
class CheckoutFiles:
    """The unignored files below a folder. Links that lead out of it are not followed."""

    root: Path

    @cached_property
    def head(self) -> Head:
        """Asked of git once."""
        branch = git(self.root, "symbolic-ref", "-q", "HEAD").strip().removeprefix(_BRANCHES)
        lines = git(self.root, "log", "-1", "--format=%H%n%P%n%B").split("\n", 2)
        sha, parents, message = (*lines, "", "")[:3]
        return Head(branch, sha, parents.partition(" ")[0], message.strip())

    def read(self, path: str) -> bytes | None:
        target = (self.root / path).resolve()
        if not target.is_relative_to(self.root.resolve()) or not target.is_file():
            return None
        try:
            return content_of(target)
        except OSError:
            return None

    def paths(self) -> Sequence[str]:
        return self._paths

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        listed = git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        if listed:
            return tuple(sorted(set(listed.rstrip("\0").split("\0"))))[:MAX_FILES]
        found = (path for path in self.root.rglob("*") if path.is_file())
        return tuple(str(path.relative_to(self.root)) for path in islice(found, MAX_FILES))


def content_of(path: Path) -> bytes:
    """What a file holds, an `Oversize` for one that is too large; raises `OSError`."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    size = max(len(data), path.stat().st_size)  # of what has no end the latter is 0
    return data if size <= MAX_BYTES else Oversize(size)


@dataclass(frozen=True)
class CheckoutSources(NoSources):
    """What a checkout knows beside its files: other refs of its own. No server is asked."""

    root: Path

    def changed_since(self, ref: str) -> Sequence[str] | None:
        words = ("rev-parse", "-q", "--verify", "--end-of-options")
        other = git(self.root, *words, f"{ref}^{{commit}}").strip()
        other = other or git(self.root, *words, f"refs/remotes/origin/{ref}^{{commit}}").strip()
        if not other:
            raise SourceError("this checkout has no such ref", "Fetch it, or name another one.")
        base = git(self.root, "merge-base", "HEAD", other).strip() or other
        return _changed_from(self.root, base)


def git(root: Path, *words: str) -> str:
    """What git prints; empty where it cannot say."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["git", *_SAFE, *words],  # noqa: S607 - the person's own git
            cwd=root,
            env={**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def root_of(path: Path) -> Path:
    """The top of the checkout that holds a folder; the folder itself outside of any."""
    top = git(path, "rev-parse", "--show-toplevel").strip()
    return Path(top) if top else path


def context_of(
    files: CheckoutFiles,
    variables: Mapping[str, str],
    local: LocalSettings = NOTHING,
    **chosen: str,
) -> Context:
    """The context of a checkout. `chosen` (source, branch, tag) says what to pretend."""
    source = chosen.get("source") or "push"
    root, head = files.root, files.head
    branch = chosen.get("branch") or head.branch
    default = _default_branch(root)
    return Context(
        source=source,
        branch=branch or default,
        tag=chosen.get("tag") or "",
        sha=head.sha or "0" * 40,
        message=head.message,
        default_branch=default,
        project=f"local/{root.name}",
        merge_request=source == "merge_request_event",
        changed=_changed(root, default, branch, head.parent),
        files=files,
        sources=CheckoutSources(root),
        pipeline_variables={**local.given, **variables},
        project_variables=local.project,
    )


def origin_of(files: CheckoutFiles) -> Origin:
    """What workspaces are copied from: these files, and the repository as a view."""
    root, head = files.root, files.head
    folder = git(root, "rev-parse", "--path-format=absolute", "--git-common-dir").strip()
    text = f"ref: {_BRANCHES}{head.branch}\n" if head.branch else f"{head.sha}\n"
    return Origin(root, tuple(files.paths()), folder if head.sha else "", text)


def _default_branch(root: Path) -> str:
    remote = git(root, "symbolic-ref", "--short", "-q", "refs/remotes/origin/HEAD").strip()
    return remote.removeprefix("origin/") or "main"


def _changed(root: Path, default: str, branch: str, parent: str) -> tuple[str, ...] | None:
    """What the branch changes beside the default one, or the last commit and the work in hand."""
    base = git(root, "merge-base", "HEAD", default).strip() if branch != default else ""
    base = base or parent
    if not base:
        return None
    return _changed_from(root, base)


def _changed_from(root: Path, base: str) -> tuple[str, ...]:
    """What the commits since another one change, and the work in hand."""
    committed = git(root, "diff", "--name-only", "-z", "--no-ext-diff", base)
    added = git(root, "ls-files", "-z", "--others", "--exclude-standard")
    return tuple(sorted({*committed.split("\0"), *added.split("\0")} - {""}))
