"""A bare repository as a review looks at it: commits ahead, changed files, and the merge itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gitops.hosts.local import Entry, ident
from gitops.hosts.mirror import Mirror, request_ref

MAX_COMMITS = 100  # shown
MAX_FILES = 100  # shown with their lines
MAX_LISTED = 500
MAX_BLOB = 256 * 1024
MAX_BYTES = 1024 * 1024  # of all files that are shown, before and after
MAX_LINES = 3000
MAX_WIDTH = 500
_BRANCH = re.compile(
    r"(?![/.-])(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20~^:?*\[\\\x7f]{1,255}(?<![/.])"
)
_KINDS = {"120000": "a symbolic link", "160000": "a submodule"}
_SIGNS = {"+": "add", "-": "del", "@": "hunk", "\\": "hunk"}
_VERBS = {"A": "added", "D": "removed", "M": "changed", "T": "changed"}


@dataclass(frozen=True)
class Commit:
    sha: str
    author: str
    email: str
    committer_email: str
    at: datetime
    subject: str


@dataclass(frozen=True)
class Line:
    kind: str  # add | del | hunk | same
    text: str


@dataclass(frozen=True)
class ChangedFile:
    """One file; `note` says why its lines are not there."""

    path: str
    verb: str
    lines: tuple[Line, ...] = ()
    note: str = ""

    @property
    def added(self) -> int:
        return sum(line.kind == "add" for line in self.lines)

    @property
    def removed(self) -> int:
        return sum(line.kind == "del" for line in self.lines)


@dataclass(frozen=True)
class Changed:
    """What differs; `count` files in all, of which `files` are listed."""

    files: tuple[ChangedFile, ...]
    count: int


@dataclass(frozen=True)
class _Raw:
    status: str
    path: str
    before: Entry
    after: Entry

    @property
    def note(self) -> str:
        """Why the lines of it are not shown, as far as its sizes and kinds say."""
        kind = _KINDS.get(self.after.mode) or _KINDS.get(self.before.mode)
        if kind:
            return f"It is {kind}."
        if max(self.before.size, self.after.size) > MAX_BLOB:
            return f"It has more than {MAX_BLOB // 1024} KB."
        return ""


def is_branch(name: str) -> bool:
    """Whether it may be a branch's short name (git-check-ref-format(1))."""
    return bool(_BRANCH.fullmatch(name))


@dataclass(frozen=True)
class ReviewedRepository(Mirror):
    def branches(self, most: int = 200) -> list[str]:
        """Short names, those with the newest commits first."""
        words = ("--sort=-committerdate", f"--count={most}", "--format=%(refname)", "refs/heads/")
        out = self._run("for-each-ref", *words).decode(errors="replace")
        return [line.removeprefix("refs/heads/") for line in out.splitlines()]

    def ahead(self, base: str, head: str, *, most: int = MAX_COMMITS) -> list[Commit]:
        """Commits of `head` that `base` lacks, the newest first."""
        form = "--format=%H%x00%an%x00%ae%x00%ce%x00%ct%x00%s"
        out = self._run("log", f"--max-count={most}", form, head, f"^{base}", "--")
        found = []
        for line in out.decode(errors="replace").split("\n"):
            parts = line.split("\0")
            if len(parts) == 6:  # noqa: PLR2004 - as many as the format has
                sha, author, email, committer, at, subject = parts
                when = datetime.fromtimestamp(min(int(at), 253_402_300_799), tz=UTC)
                found.append(Commit(sha, author[:200], email, committer, when, subject[:300]))
        return found

    def shas(self, base: str, head: str, *, most: int) -> list[str]:
        """Commits of `head` that `base` lacks, the newest first."""
        words = ("rev-list", f"--max-count={most}", head, *([f"^{base}"] if base else []), "--")
        return self._run(*words).decode().split()

    def count_ahead(self, base: str, head: str) -> int:
        return int(self._run("rev-list", "--count", head, f"^{base}", "--"))

    def keep(self, number: int, head: str) -> None:
        """Keep a request's head readable, whatever becomes of its branch."""
        self._run("update-ref", request_ref(number), head)

    def make_merge(
        self, tree: str, base: str, head: str, *, author: tuple[str, str], message: str
    ) -> str:
        """A merge commit that no reference has yet."""
        return self._commit_tree(tree, (base, head), message, ident(*author))

    def make_tag(self, name: str, sha: str, *, author: tuple[str, str], message: str) -> str:
        """An annotated tag that no reference has yet."""
        at = f"{int(datetime.now(UTC).timestamp())} +0000".encode()
        lines = [f"object {sha}\ntype commit\ntag {name}\n".encode()]
        lines += [b"tagger " + ident(*author) + b" " + at + b"\n\n"]
        text = message.replace("\0", "").strip().encode(errors="replace")
        out = self._run(
            "hash-object", "-t", "tag", "-w", "--stdin", data=b"".join([*lines, text, b"\n"])
        )
        return out.decode().strip()

    def remove_ref(self, name: str, old: str) -> None:
        """Remove a reference while it is at `old`; raises `GitError` otherwise."""
        self._run("update-ref", "-d", name, old)

    def compare(self, old: str, new: str) -> Changed:
        """Files that differ between two commits, with their lines as far as bounds go."""
        listed = self._raw(old, new)
        count = len(listed)
        shown, notes, size = [], {}, 0
        for at, one in enumerate(listed[:MAX_LISTED]):
            note, weight = one.note, one.before.size + one.after.size
            if not note and (at >= MAX_FILES or size + weight > MAX_BYTES):
                note = "There is too much to show; fetch the branch to read it."
            if note:
                notes[one.path] = note
            else:
                size += weight
                shown.append(one)
        patches = self._patches(old, new, shown)
        files, left = [], MAX_LINES
        for one in listed[:MAX_LISTED]:
            lines, note = patches.get(one.path, ((), notes.get(one.path, "")))
            if len(lines) > left:
                lines, note = lines[:left], "The rest is too long to show."
            left -= len(lines)
            shown_path = one.path.encode(errors="surrogateescape").decode(errors="replace")
            files.append(ChangedFile(shown_path, _VERBS.get(one.status, "changed"), lines, note))
        return Changed(tuple(files), count)

    def _raw(self, old: str, new: str) -> list[_Raw]:
        """What differs, with sizes for as many as are listed."""
        words = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new)
        parts = self._run("diff-tree", *words).split(b"\0")
        rows = [
            (head.decode().lstrip(":").split(" "), path.decode(errors="surrogateescape"))
            for head, path in zip(parts[::2], parts[1::2], strict=False)
        ]
        blobs = [sha for facts, _ in rows[:MAX_LISTED] for sha in facts[2:4] if sha.strip("0")]
        sizes = self._sizes(blobs)
        return [
            _Raw(
                status,
                path,
                Entry(mode, was, sizes.get(was, 0), path),
                Entry(mode_now, now, sizes.get(now, 0), path),
            )
            for (mode, mode_now, was, now, status), path in rows
        ]

    def _sizes(self, shas: Sequence[str]) -> dict[str, int]:
        if not shas:
            return {}
        form = "--batch-check=%(objectname) %(objectsize)"
        out = self._run("cat-file", form, data="".join(f"{sha}\n" for sha in shas).encode())
        pairs = (line.split(" ") for line in out.decode().splitlines())
        return {sha: int(size) for sha, size in pairs if size.isdecimal()}

    def _patches(
        self, old: str, new: str, files: Sequence[_Raw]
    ) -> dict[str, tuple[tuple[Line, ...], str]]:
        """The unified diff of each file, or why there is none; bounds were kept by the caller."""
        plain = [one for one in files if one.status != "T"]
        if not plain:
            return {}
        words = ("-r", "-p", "-U3", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")
        paths = [one.path for one in plain]
        out = self._run("--literal-pathspecs", "diff-tree", *words, old, new, "--", *paths)
        parts = re.split(rb"^diff --git ", out, flags=re.MULTILINE)[1:]
        return {one.path: _lines(part) for one, part in zip(plain, parts, strict=False)}


def _lines(part: bytes) -> tuple[tuple[Line, ...], str]:
    """The lines of one file's part of a diff, from its first hunk on."""
    start = part.find(b"\n@@ ")
    if start < 0:
        binary = b"\nBinary files " in part
        return (), "It is binary." if binary else "Its lines are the same."
    text = part[start + 1 :].decode(errors="replace").removesuffix("\n")
    return tuple(
        Line(_SIGNS.get(line[:1], "same"), line[:MAX_WIDTH].rstrip("\r"))
        for line in text.split("\n")
    ), ""
