"""A bare copy of a repository at a git host, and what of it was already told to others.

`refs/heads` and `refs/tags` are the host's; `refs/slipway/told/…` is what listeners have heard of,
so that a killed process loses no push; `refs/slipway/requests/N` are heads of merge requests, and
`refs/slipway/merged/N` what they would come to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from gitops.hosts.local import COMMITTER, ZERO, LocalRepository
from gitops.hosts.program import GitError
from idp.common.errors import Invalid

SHOWN = ("refs/heads/", "refs/tags/")
TOLD = "refs/slipway/told/"
REQUESTS = "refs/slipway/requests/"
_LINE = re.compile(r"([0-9a-f]{40}) (refs/.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
MAX_CONFLICTS = 50
Update = tuple[str, str, str]  # old, new, reference


def request_ref(number: int) -> str:
    return f"{REQUESTS}{number}"


def merged_ref(number: int) -> str:
    return f"refs/slipway/merged/{number}"


@dataclass(frozen=True)
class Merged:
    """A merge request on top of its target; without a commit it does not merge cleanly."""

    commit: str
    base: str  # the target branch's commit
    reason: str = ""
    conflicts: tuple[str, ...] = ()  # the files, as far as they are named


@dataclass(frozen=True)
class Mirror(LocalRepository):
    """Many processes may read it; one at a time, which holds the row's lease, writes."""

    @property
    def made(self) -> bool:
        return (self.path / "HEAD").exists()

    def make(self) -> None:
        """Make the empty repository; an existing one is left as it is."""
        if not self.made:
            self._init()

    def references(self, *prefixes: str) -> dict[str, str]:
        """What each reference below the prefixes points to; an annotated tag to its own object."""
        out = self._run("for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
        lines = out.decode(errors="replace").splitlines()
        return {m[2]: m[1] for m in map(_LINE.fullmatch, lines) if m}

    def untold(self) -> list[Update]:
        """What moved since it was last told: (old, new, reference), by name."""
        now = self.references(*SHOWN)
        told = {
            f"refs/{name.removeprefix(TOLD)}": sha for name, sha in self.references(TOLD).items()
        }
        return [
            (told.get(name, ZERO), now.get(name, ZERO), name)
            for name in sorted({*now, *told})
            if told.get(name) != now.get(name)
        ]

    def tell(self, updates: Iterable[Update]) -> None:
        """Note that these were told."""
        gone, there = [], []
        for _, new, name in updates:
            told = f"{TOLD}{name.removeprefix('refs/')}"
            if new == ZERO:
                gone.append(f"delete {told}\0\0")
            else:
                there.append(f"update {told}\0{new}\0\0")
        for lines in (gone, there):  # first what is gone: a/b may follow a
            if lines:
                self._run("update-ref", "-z", "--stdin", data="".join(lines).encode())

    def commit_of(self, sha: str) -> str:
        """The commit that an object is or, as a tag, points to; empty where there is none."""
        return self.ref(sha) if _COMMIT.fullmatch(sha) else ""

    def merge_base(self, one: str, other: str) -> str:
        """The newest commit that both come from, or empty."""
        try:
            return self._run("merge-base", one, other).decode().strip()
        except GitError as error:
            if error.exit_status == 1:
                return ""
            raise

    def diff(self, old: str, new: str) -> bytes:
        """What changes between two commits, as a unified diff without context."""
        words = ("-r", "-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")
        return self._run("diff-tree", *words, old, new)

    def merge(self, number: int, head: str, target: str) -> Merged:
        """The commit that a merge would make, kept under `merged_ref`; made anew each time.

        Nothing is checked out: `git merge-tree` works on trees alone.
        """
        base = self.ref(f"refs/heads/{target}")
        if not base:
            return Merged("", "", f"there is no branch {target}")
        if self.contains(head, base):  # the target has nothing that the head lacks
            return Merged(head, base)
        tree, conflicts = self.merged_tree(base, head)
        if not tree:
            return Merged("", base, f"it does not merge cleanly with {target}", conflicts)
        commit = self._commit_tree(tree, (base, head), f"Merge {head} into {base}")
        self._run("update-ref", merged_ref(number), commit)
        return Merged(commit, base)

    def merged_tree(self, base: str, head: str) -> tuple[str, tuple[str, ...]]:
        """The tree that a merge would make; where it does not merge cleanly, none and the files."""
        words = ("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", base, head)
        try:
            tree = self._run(*words).split(b"\0")[0].decode().strip()
        except GitError as error:
            if error.exit_status != 1:
                raise
            names = error.output.split(b"\0")[1:]
            found = tuple(name.decode(errors="replace") for name in names if name)
            return "", found[:MAX_CONFLICTS]
        if not _COMMIT.fullmatch(tree):
            raise Invalid(f"{head[:12]} cannot be merged here.")
        return tree, ()

    def _commit_tree(
        self, tree: str, parents: tuple[str, ...], message: str, author: bytes = b""
    ) -> str:
        """A commit of a tree; without an author, the same each time for the same parents."""
        now = int(datetime.now(UTC).timestamp())
        if not author:
            now = min(now, max(int(self.commit(sha).at.timestamp()) for sha in parents))
        at = f"{now} +0000".encode()
        lines = [f"tree {tree}\n".encode()]
        lines += [f"parent {parent}\n".encode() for parent in parents]
        lines += [b"author " + (author or COMMITTER) + b" " + at + b"\n"]
        lines += [b"committer " + COMMITTER + b" " + at + b"\n\n", message.encode(), b"\n"]
        out = self._run("hash-object", "-t", "commit", "-w", "--stdin", data=b"".join(lines))
        return out.decode().strip()
