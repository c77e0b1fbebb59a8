"""Where files come from: those of the commit, and those outside of it. Both are ports.

The engine reads nothing by itself; a checkout, a clone on the server and tests answer it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self


class Oversize(bytes):
    """Stands for a file of more than `source.MAX_BYTES`: its content was not read."""

    size: int

    def __new__(cls, size: int) -> Self:
        found = super().__new__(cls, b"# a file of %d bytes" % size)
        found.size = size
        return found


class Files(Protocol):
    """The files of the commit, by their path from the root."""

    def read(self, path: str) -> bytes | None:
        """The content, or an `Oversize`; None when there is no such file."""

    def paths(self) -> Sequence[str]:
        """The paths of all files."""


@dataclass(frozen=True)
class MemoryFiles:
    content: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        return self.content.get(path)

    def paths(self) -> Sequence[str]:
        return tuple(self.content)


@dataclass(frozen=True, slots=True)
class Component:
    """A file of a CI/CD component: its content, and what `spec:component` may ask for."""

    content: bytes
    files: Files
    name: str = ""
    version: str = ""
    sha: str = ""
    reference: str = ""


class SourceError(Exception):
    """What `Sources` could not or would not read: why, and what to do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class Sources(Protocol):
    """Files that lie outside of the commit. None: it is not there; `SourceError`: not for this one.

    Whoever answers decides by the rights of the one who started the pipeline, and by what hosts
    may be asked; addresses come here as they are written, variables put in.
    """

    def project(self, path: str, ref: str) -> Files | None:
        """The files of another project at a ref; an empty one is its default branch."""

    def remote(self, url: str) -> bytes | None:
        """What an https address answers."""

    def template(self, name: str) -> bytes | None:
        """A template that the product brings along, by its name."""

    def component(self, address: str, version: str) -> Component | None:
        """`HOST/PROJECT/NAME` at a tag, branch, commit, part of a version, or `~latest`."""

    def changed_since(self, ref: str) -> Sequence[str] | None:
        """The files that differ between another ref of this project and the commit."""


class NoSources:
    """Nothing outside of the commit is known."""

    def project(self, path: str, ref: str) -> Files | None:
        return None

    def remote(self, url: str) -> bytes | None:
        return None

    def template(self, name: str) -> bytes | None:
        return None

    def component(self, address: str, version: str) -> Component | None:
        return None

    def changed_since(self, ref: str) -> Sequence[str] | None:
        return None


@dataclass(frozen=True)
class MemorySources:
    """Sources by their addresses: `GROUP/PROJECT@REF`, an address, a name, `ADDRESS@VERSION`."""

    projects: Mapping[str, Files] = field(default_factory=dict)
    remotes: Mapping[str, bytes] = field(default_factory=dict)
    templates: Mapping[str, bytes] = field(default_factory=dict)
    components: Mapping[str, Component] = field(default_factory=dict)
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def project(self, path: str, ref: str) -> Files | None:
        return self.projects.get(f"{path}@{ref}" if ref else path)

    def remote(self, url: str) -> bytes | None:
        return self.remotes.get(url)

    def template(self, name: str) -> bytes | None:
        return self.templates.get(name)

    def component(self, address: str, version: str) -> Component | None:
        return self.components.get(f"{address}@{version}")

    def changed_since(self, ref: str) -> Sequence[str] | None:
        if self.changes and ref not in self.changes:
            raise SourceError("there is no such ref", "Name a branch, tag or commit.")
        return self.changes.get(ref)
