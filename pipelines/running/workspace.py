"""A checkout as the source of workspaces: its unignored files, and a repository to ask git in.

The repository is a view: its objects are those of the checkout, what a job commits or checks out
stays in the workspace.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.running import files

# git knows a copied file by its time and size: its place on the disk is another one.
_CONFIG = b"""[core]
\trepositoryformatversion = 0
\tbare = false
\ttrustctime = false
\tcheckStat = minimal
"""
_MAX_REF = 4_096  # bytes: a name, or an object's id


@dataclass(frozen=True)
class Origin:
    """What is copied: a checkout's folder, the paths in it, and its git folder ("" for none)."""

    root: Path
    paths: tuple[str, ...]
    git: str = ""
    head: str = ""  # what HEAD holds

    def view(self, kept: Path) -> View | None:
        """The repository for workspaces; what they link to is put into `kept`, a new folder."""
        if not self.git:
            return None
        kept.mkdir()
        return _view_of(Path(self.git), self.head, kept)

    def fill(self, folder: Path, view: View | None = None) -> files.Copied:
        copied = files.copy(self.root, self.paths, folder)
        if view is not None:
            view.put(f"{folder}/.git")
        return copied


@dataclass(frozen=True)
class View:
    """A repository's git folder in few files, for the workspaces of one run.

    Files that git replaces and never writes into are links to one: of a hundred jobs, making and
    removing files is what costs.
    """

    folders: tuple[str, ...]
    linked: Mapping[str, str]  # where a file stands, by its path in the git folder

    def put(self, target: str) -> None:
        for folder in self.folders:
            os.mkdir(f"{target}/{folder}")  # noqa: PTH102 - texts, as in `files`
        for path, source in self.linked.items():
            os.link(source, f"{target}/{path}")


def _view_of(source: Path, head: str, kept: Path) -> View:
    packed, symbolic = _refs(source)
    texts = {
        "config": _CONFIG,
        "HEAD": head.encode(),
        "objects/info/alternates": f"{source}/objects\n".encode(),
        "packed-refs": b"".join(b"%s %s\n" % (oid, name) for name, oid in packed.items()),
        **symbolic,
    }
    for name in ("shallow", "index"):
        with suppress(OSError):
            texts[name] = (source / name).read_bytes()
    linked = {}
    for number, (path, text) in enumerate(texts.items()):
        linked[path] = str(kept / str(number))
        (kept / str(number)).write_bytes(text)
        (kept / str(number)).chmod(0o444)
    parents = {str(parent) for path in symbolic for parent in Path(path).parents}
    folders = {"", "objects", "objects/info", "refs", *(parents - {"."})}
    return View(tuple(sorted(folders)), linked)


def _refs(source: Path) -> tuple[dict[bytes, bytes], dict[str, bytes]]:
    """The object of each ref by its name, and the text of each ref that names another one."""
    packed: dict[bytes, bytes] = {}
    symbolic: dict[str, bytes] = {}
    with suppress(OSError):
        for line in (source / "packed-refs").read_bytes().splitlines():
            oid, _, name = line.partition(b" ")
            if name and not line.startswith(b"#"):
                packed[name] = oid
    for path, is_folder in files.walk(source, "refs"):
        if is_folder:
            continue
        with suppress(OSError), files.open_file(source, path) as file:
            text = file.read(_MAX_REF).strip()
            if text.startswith(b"ref:"):
                symbolic[path] = text + b"\n"
            elif text:
                packed[path.encode(errors="surrogateescape")] = text
    return packed, symbolic
