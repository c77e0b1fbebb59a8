"""Bare repositories on this machine's disk: the default git host.

Writing goes through plumbing without a work tree (`fast-import`, `update-ref` with the old value),
so that several processes may work on one repository; commits are read by GitPython. Nothing
outside `gitops.hosts` knows git's program or library.
"""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import git
from git.exc import BadName, BadObject

from gitops.hosts import program
from gitops.hosts.program import GitError
from idp.common.errors import Clash, Invalid, TemporaryBackendError

log = logging.getLogger(__name__)
MAIN = "refs/heads/main"
ZERO = "0" * 40
COMMITTER = b"Slipway <slipway@localhost>"
MAX_FILE = 256 * 1024
MAX_FILES = 200
MAX_TOTAL = 2 * 1024 * 1024
_SHA = re.compile(r"[0-9a-f]{40}")
_TRAILER = re.compile(r"^Slipway-Change: (\d{1,18})$", re.MULTILINE)
_UNSAFE = re.compile(r"[<>\x00-\x1f]")
_UNPRINTABLE = re.compile(r'[\x00-\x1f"\\]')
MAX_PATH = 300
_LOCKED = re.compile(r"Unable to create '(.+\.lock)': File exists")
STALE_LOCK = 60.0  # seconds
_CLONE_SECONDS = 300.0
MOVABLE = "[core]\n\ttrustctime = false\n\tcheckStat = minimal\n"
_SERVE_ANY = {  # the commit may be below any reference by now
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "uploadpack.allowAnySHA1InWant",
    "GIT_CONFIG_VALUE_0": "true",
}
_LAST_DAY = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())  # git knows later ones
_KINDS = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True)
class CommitFacts:
    """One commit as pages show it; `change` is what its last lines claim, None where nothing."""

    sha: str
    parents: tuple[str, ...]
    author: str
    email: str
    at: datetime
    subject: str
    message: str
    change: int | None


@dataclass(frozen=True)
class Entry:
    mode: str
    sha: str
    size: int
    path: str


def checked_path(path: str) -> str:
    """A path inside a directory; raises `Invalid` for what could lead out of it or into `.git`."""
    parts = PurePosixPath(path).parts
    bad = not parts or path.startswith("/") or len(path) > MAX_PATH
    bad = bad or any(part in {".", ".."} or part.lower() == ".git" for part in path.split("/"))
    if bad or _UNPRINTABLE.search(path) or str(PurePosixPath(path)) != path:
        raise Invalid(
            f"“{path[:80]}” is not a path inside the environment's directory.",
            fix="Use plain relative paths like manifests/job.yaml, without “..”.",
        )
    return path


def ident(name: str, email: str) -> bytes:
    clean = _UNSAFE.sub("", name).strip() or "unknown"
    return f"{clean} <{_UNSAFE.sub('', email).replace(' ', '')}>".encode()


@dataclass(frozen=True)
class LocalRepository:
    """A bare repository; `quarantine` lets the judge of a push read what is not accepted yet."""

    path: Path
    quarantine: tuple[tuple[str, str], ...] = ()

    def _run(self, *arguments: str, data: bytes = b"") -> bytes:
        try:
            return program.run(self.path, *arguments, data=data, extra=dict(self.quarantine))
        except GitError as error:
            locked = _LOCKED.search(error.stderr)
            if not locked:
                raise
            self._unlock([Path(locked[1])])
            raise TemporaryBackendError(
                f"Another process writes to {self.path.name}.", retry_after=2
            ) from error

    def unlock(self) -> None:
        """Remove the locks that killed processes left on what people push to."""
        refs = self.path / "refs"
        pushed = [*refs.glob("heads/**/*.lock"), *refs.glob("tags/**/*.lock")]
        self._unlock([*self.path.glob("*.lock"), *pushed])

    def _unlock(self, locks: Iterable[Path]) -> None:
        """Remove those locks that no living process can hold: git holds one for milliseconds."""
        for lock in locks:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > STALE_LOCK:
                    lock.unlink()
                    log.warning("removed %s, which a killed process had left", lock)

    # -- making ----------------------------------------------------------------------------

    def create(self, title: str) -> None:
        """Make the repository with a first commit on `main`; an existing one is left as it is."""
        if not (self.path / "HEAD").exists():
            self._init()
        if not self.head():
            readme = (
                f"# {title}\n\nEach directory below `environments/` is an environment that Slipway"
                " keeps in step with this repository.\n"
            )
            files = {"README.md": readme.encode()}
            start = f"refs/slipway/start-{uuid.uuid4().hex}"  # of this process alone
            sha = self._import(start, "", COMMITTER, "Start the repository", files)
            with contextlib.suppress(Clash):  # another process was first
                self.update_ref(MAIN, sha, ZERO)
            self._run("update-ref", "-d", start)

    def _init(self) -> None:
        """Make the bare repository aside and move it in whole: two first users may race."""
        parent = self.path.parent
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".new-") as aside:
            made = Path(aside) / self.path.name
            git.Repo.init(made, bare=True, initial_branch="main").close()
            try:
                made.rename(self.path)
            except OSError:
                if not (self.path / "HEAD").exists():
                    raise

    # -- reading ---------------------------------------------------------------------------

    def ref(self, name: str) -> str:
        """The commit that a reference points to, or empty."""
        try:
            return (
                self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
            )
        except GitError as error:
            if error.exit_status == 1:
                return ""
            raise

    def head(self) -> str:
        """The commit that `main` points to, or empty; from its file, without a process."""
        try:
            found = (self.path / MAIN).read_text().strip()
        except OSError:
            found = ""
        return found if _SHA.fullmatch(found) else self.ref(MAIN)

    def contains(self, sha: str, ancestor: str) -> bool:
        """Whether `ancestor` is `sha` or in its history; what is not there at all is in none."""
        try:
            self._run("merge-base", "--is-ancestor", ancestor, sha)
        except GitError as error:
            if error.exit_status == 1 or not self.ref(ancestor):
                return False
            raise
        return True

    def tree_id(self, commit: str, directory: str) -> str:
        """The tree id of a directory in a commit, or empty where it is not there."""
        lines = self._run("ls-tree", "-d", "-z", commit, "--", checked_path(directory)).split(b"\0")
        return lines[0].split(b"\t")[0].split()[2].decode() if lines[0] else ""

    def entries(self, commit: str, directory: str) -> list[Entry]:
        """Everything below a directory, with paths relative to it."""
        prefix = f"{checked_path(directory)}/"
        found = []
        for line in self._run("ls-tree", "-r", "-l", "-z", commit, "--", prefix).split(b"\0"):
            if line:
                facts, path = line.split(b"\t", 1)
                mode, _, sha, size = facts.decode().split()
                text = path.decode(errors="replace").removeprefix(prefix)
                found.append(Entry(mode, sha, 0 if size == "-" else int(size), text))
        return found

    def read_directory(self, commit: str, directory: str) -> dict[str, bytes]:
        """The files below a directory; raises `Invalid` past the bounds and for what is no file."""
        entries = self.entries(commit, directory)
        _check_bounds(directory, entries)
        if not entries:
            return {}
        out = self._run("cat-file", "--batch", data="".join(f"{e.sha}\n" for e in entries).encode())
        files, at = {}, 0
        for entry in entries:
            start = out.index(b"\n", at) + 1
            files[entry.path] = out[start : start + entry.size]
            at = start + entry.size + 1
        return files

    def read_file(self, commit: str, path: str, *, most: int = MAX_FILE) -> bytes | None:
        """One plain file of a commit, or None; raises `FileTooLarge`, and `Invalid` for a link."""
        lines = self._run("ls-tree", "-l", "-z", commit, "--", checked_path(path)).split(b"\0")
        if not lines[0]:
            return None
        mode, _, sha, size = lines[0].split(b"\t")[0].decode().split()
        entry = Entry(mode, sha, 0 if size == "-" else int(size), path)
        _check_bounds(".", [entry], most)
        return self._run("cat-file", "blob", sha)

    def links(self, commit: str) -> list[str]:
        """Every path of a commit that is no file, with what it is, in words."""
        found = []
        for line in self._run("ls-tree", "-r", "-z", commit).split(b"\0"):
            facts, _, name = line.partition(b"\t")
            path, kind = name.decode(errors="replace"), _KINDS.get(facts.split(b" ")[0].decode())
            if kind:
                found.append(f"{path} is {kind}")
        return found

    def changed(self, old: str, new: str) -> list[str]:
        """Paths that differ between two commits; from nothing where `old` is zero."""
        if old in {"", ZERO}:
            out = self._run("ls-tree", "-r", "-z", "--name-only", new)
        else:
            out = self._run("diff-tree", "-r", "-z", "--no-renames", "--name-only", old, new)
        return [p.decode(errors="replace") for p in out.split(b"\0") if p]

    def commits(self, new: str, old: str = "", *, limit: int = 100, path: str = "") -> list[str]:
        """Commits of `new` that `old` lacks, along first parents, newest first."""
        wanted = [new] + ([f"^{old}"] if old and old != ZERO else [])
        arguments = ["rev-list", "--first-parent", f"--max-count={limit}", *wanted, "--"]
        return self._run(*arguments, *([path] if path else [])).decode().split()

    def between(self, old: str, new: str) -> set[str]:
        """Every commit in the history of `new` that is not in that of `old`."""
        wanted = [new] + ([f"^{old}"] if old != ZERO else [])
        return set(self._run("rev-list", *wanted, "--").decode().split())

    def commit(self, sha: str) -> CommitFacts:
        """A commit's facts; raises `Invalid` where there is none of that name."""
        if not _SHA.fullmatch(sha):
            raise Invalid(f"“{sha[:60]}” is no commit.")
        with git.Repo(self.path) as repo:
            repo.git.update_environment(**program.environment(dict(self.quarantine)))
            try:
                found = repo.commit(sha)
                message = str(found.message).replace("\0", "\N{REPLACEMENT CHARACTER}")
            except (BadName, BadObject, ValueError) as error:
                raise Invalid(f"The repository has no commit {sha[:12]}.") from error
            trailers = _TRAILER.findall(message.rstrip().rpartition("\n\n")[2])
            return CommitFacts(
                sha=sha,
                parents=tuple(parent.hexsha for parent in found.parents),
                author=str(found.author.name),
                email=str(found.author.email or ""),
                at=datetime.fromtimestamp(min(found.committed_date, _LAST_DAY), tz=UTC),
                subject=message.split("\n", 1)[0][:200],
                message=message,
                change=int(trailers[-1]) if trailers else None,
            )

    def clone_at(self, folder: Path, sha: str, *, depth: int) -> None:
        """A work tree of a commit, its repository its own: the last `depth` commits, 0 for all.

        The folder may exist; nothing in it refers to this repository. A copy of it is clean, too:
        git knows its files by time and size, not by their place on the disk.
        """
        arguments = ["-c", "protocol.file.allow=always", "fetch", "-q", "--no-tags"]
        arguments += [f"--depth={depth}"] if depth else []
        program.run(folder / ".git", "init", "-q", "-b", "main", "--template=")
        with (folder / ".git" / "config").open("a") as config:
            config.write(MOVABLE)
        program.run(
            folder / ".git",
            *arguments,
            f"file://{self.path.resolve()}",
            sha,
            extra=_SERVE_ANY,
            deadline=_CLONE_SECONDS,
        )
        program.run(
            folder / ".git",
            f"--work-tree={folder}",
            *("-c", "advice.detachedHead=false", "-c", "core.symlinks=true"),
            *("checkout", "-q", "--detach", sha),
            deadline=_CLONE_SECONDS,
        )

    # -- writing ---------------------------------------------------------------------------

    def update_ref(self, name: str, new: str, old: str) -> None:
        """Compare-and-set of a reference; raises `Clash` where it is no longer at `old`.

        Where it still is, git could not write (a lock, a full disk): `TemporaryBackendError`.
        """
        try:
            self._run("update-ref", name, new, old or ZERO)
        except GitError as error:
            if self.ref(name) == old.replace(ZERO, ""):
                raise TemporaryBackendError(error.message) from error
            raise Clash(f"{name} of {self.path.name} moved meanwhile.") from error

    def propose(
        self,
        ref: str,
        *,
        base: str,
        directory: str,
        files: Mapping[str, bytes | None] | None,
        author: tuple[str, str],
        message: str,
    ) -> str:
        """A commit on `ref` that changes files of a directory (None removes; no mapping: all)."""
        checked_path(directory)
        if files is None:
            return self._import(ref, base, ident(*author), message, {directory: None})
        total = sum(len(data) for data in files.values() if data)
        largest = max((len(data) for data in files.values() if data), default=0)
        if len(files) > MAX_FILES or total > MAX_TOTAL or largest > MAX_FILE:
            raise Invalid(_too_much(directory))
        paths = {f"{directory}/{checked_path(path)}": data for path, data in files.items()}
        return self._import(ref, base, ident(*author), message, paths)

    def write(
        self,
        ref: str,
        *,
        base: str,
        files: Mapping[str, bytes | None],
        author: tuple[str, str],
        message: str,
    ) -> str:
        """A commit on `ref` that changes files anywhere in the tree; None removes one."""
        paths = {checked_path(path): data for path, data in files.items()}
        return self._import(ref, base, ident(*author), message, paths)

    def reparent(self, ref: str, sha: str, onto: str, directory: str) -> str:
        """The same commit on another parent, its directory carried over as a whole."""
        tree = self.tree_id(sha, directory)
        facts = self._run("log", "-1", "--format=%an%x00%ae%x00%B", sha).decode(errors="replace")
        name, email, message = facts.split("\0", 2)
        lines = [f"D {directory}\n".encode()]
        lines += [f"M 040000 {tree} {directory}\n".encode()] if tree else []
        return self._fast_import(ref, onto, ident(name, email), message.strip(), lines)

    def _import(
        self,
        ref: str,
        base: str,
        author: bytes,
        message: str,
        files: Mapping[str, bytes | None],
    ) -> str:
        lines: list[bytes] = []
        for path, data in sorted(files.items()):
            if data is None:
                lines.append(f"D {path}\n".encode())
            else:
                head = f"M 100644 inline {path}\ndata {len(data)}\n"
                lines += [head.encode(), data, b"\n"]
        return self._fast_import(ref, base, author, message, lines)

    def _fast_import(
        self, ref: str, base: str, author: bytes, message: str, lines: Iterable[bytes]
    ) -> str:
        now = f"{int(datetime.now(UTC).timestamp())} +0000".encode()
        text = message.encode()
        stream = [
            f"feature done\ncommit {ref}\nmark :1\n".encode(),
            b"author " + author + b" " + now + b"\n",
            b"committer " + COMMITTER + b" " + now + b"\n",
            f"data {len(text)}\n".encode() + text + b"\n",
            f"from {base}\n".encode() if base else b"",
            *lines,
            b"get-mark :1\ndone\n",
        ]
        out = self._run(
            "fast-import", "--quiet", "--force", "--date-format=raw", data=b"".join(stream)
        )
        return out.decode().strip()


class FileTooLarge(Invalid):
    """A file is larger than is read; `size` is its bytes."""

    def __init__(self, path: str, size: int, most: int) -> None:
        super().__init__(
            f"{path} is {size // 1024} KB; a file of an environment has at most {most // 1024} KB.",
            fix="Put large data into a bucket and refer to it.",
        )
        self.size = size


def _too_much(directory: str) -> str:
    return (
        f"{directory} holds more than Slipway reads: at most {MAX_FILES} files of"
        f" {MAX_FILE // 1024} KB each, {MAX_TOTAL // 1024 // 1024} MB in all."
    )


def _check_bounds(directory: str, entries: list[Entry], most: int = MAX_FILE) -> None:
    for entry in entries:
        if entry.mode in _KINDS:
            raise Invalid(
                f"{directory}/{entry.path} is {_KINDS[entry.mode]}; environments hold plain files"
                " only.",
                fix="Replace it by the file itself.",
            )
        checked_path(entry.path)
        if entry.size > most:
            raise FileTooLarge(f"{directory}/{entry.path}", entry.size, most)
    if len(entries) > MAX_FILES or sum(e.size for e in entries) > MAX_TOTAL:
        raise Invalid(_too_much(directory))
