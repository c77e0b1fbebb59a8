"""Where an `include` leads: to files of this commit, or through the context's sources elsewhere.

https://docs.gitlab.com/ci/yaml/#include
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pipelines.engine import patterns
from pipelines.engine.context import Context
from pipelines.engine.problems import Where, error, nearest, short
from pipelines.engine.source import Map
from pipelines.engine.sources import Files, SourceError
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At
from pipelines.engine.variables import substitute

KINDS = ("local", "project", "remote", "template", "component")
KEYS = frozenset({*KINDS, "rules", "file", "ref", "inputs", "integrity", "cache"})
_EXTENSION = (".yml", ".yaml")
_URL = re.compile(r"https?://", re.IGNORECASE)
_PROJECT = re.compile(r"[\w.-]+(?:/[\w.-]+)*")
_COMPONENT = re.compile(r"([\w.:-]+(?:/[\w.-]+){2,})@([\w./~+-]+)")
_INTEGRITY = re.compile(r"sha256-[A-Za-z0-9+/]{43}=")
_MAX_FILES = 50
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """The files that `local` means in a file from there, and how they are named."""

    files: Files | None
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to include: its name, its content, and where its own includes look."""

    label: str
    data: bytes
    origin: Origin
    facts: Mapping[str, str] = field(default_factory=dict)  # of a component


class Places:
    def __init__(self, context: Context, values: Mapping[str, str]) -> None:
        self.context = context
        self.values = values
        self._projects: dict[tuple[str, str], Files | None] = {}

    def named(self, text: str, where: Where, origin: Origin) -> list[Found]:
        """What a bare text names: an address, or a local path."""
        found = self._put(text, where)
        return (
            self._remote(found, where, "")
            if _URL.match(found)
            else self._local(found, where, origin)
        )

    def of(self, kind: str, item: Map, origin: Origin) -> list[Found]:
        where = item.at(kind)
        text = self._text(item, kind)
        if kind == "local":
            return self._local(text, where, origin)
        if kind == "project":
            return self._project(text, item)
        if kind == "remote":
            return self._remote(text, where, self._text(item, "integrity"))
        if kind == "template":
            return self._template(text, where)
        return self._component(text, where)

    def _put(self, text: str, where: Where) -> str:
        return substitute(text, self.values, where)

    def _text(self, item: Map, key: str) -> str:
        given = item.get(key)
        if given is None:
            return ""
        return self._put(forms.name(given, At("include", key, item.at(key))), item.at(key))

    def _asked(self, kind: str, what: str, where: Where, asking: Callable[[], T | None]) -> T:
        """What the sources answer; a problem that names what is missing, and the fix."""
        try:
            found = asking()
        except SourceError as fault:
            message = f"include:{kind} (“{short(what)}”) is not read: {fault}."
            raise error(where, f"include-{kind}", message, fault.fix) from None
        if found is None:
            message = f"include:{kind} (“{short(what)}”) is not there, or cannot be read from here."
            raise error(where, f"include-{kind}", message, _FIXES[kind])
        return found

    # -- local ---------------------------------------------------------------------------------

    def _local(self, path: str, where: Where, origin: Origin) -> list[Found]:
        if origin.files is None:
            message = f"“{short(path)}” is local to a file that belongs to no project."
            fix = "Include it there by project or remote."
            raise error(where, "include-local", message, fix)
        if not path.strip() or "://" in path or path.startswith("file:"):
            message = f"“{short(path)}” is no path in this repository."
            raise error(where, "include-local", message, "Write a path from its root.")
        clean = _clean(path, where, "include-local")
        return [self._read(one, where, origin) for one in self._globbed(clean, where, origin.files)]

    def _globbed(self, path: str, where: Where, files: Files) -> list[str]:
        if "*" not in path:
            return [path]
        own = files is self.context.files
        try:
            found = (self.context.tree if own else patterns.Lookup(files.paths())).all(path)
        except patterns.PatternError as fault:
            raise error(
                where, "include-local", f"The pattern is wrong: {fault}.", "Mend it."
            ) from None
        if not found:
            message = f"No file fits “{short(path)}”."
            raise error(where, "include-missing", message, "Add one, or mend the pattern.")
        return found

    def _read(self, path: str, where: Where, origin: Origin) -> Found:
        files = origin.files
        data = files.read(path) if files is not None else None
        if files is None or data is None:
            known = [] if files is None else list(files.paths())[:2_000]
            fix = nearest(path, known) or "Add it, or mend the path."
            message = f"There is no file “{short(origin.prefix + path)}”."
            raise error(where, "include-missing", message, fix)
        return Found(f"{origin.prefix}{path}", data, origin)

    # -- elsewhere -----------------------------------------------------------------------------

    def _project(self, project: str, item: Map) -> list[Found]:
        where, ref = item.at("project"), self._text(item, "ref")
        parts = project.strip("/").split("/")
        if not _PROJECT.fullmatch("/".join(parts)) or {".", ".."} & set(parts):
            message = f"“{short(project)}” is no path of a project."
            raise error(where, "include-project", message, "Write group/project.")
        given, at = item.get("file"), At("include", "file", item.at("file"))
        if given is None:
            message = f"include:project (“{short(project)}”) names no file."
            raise error(where, "include-project", message, "Add file: path.yml.")
        paths = forms.one_or_more(given, at)
        if len(paths) > _MAX_FILES:
            raise at.wrong(f"lists more than {_MAX_FILES} files", "Include fewer.")
        files = self.files_of(project.strip("/"), ref, where)
        origin = Origin(files, f"{project.strip('/')}@{ref or 'HEAD'}:")
        clean = [_clean(self._put(one, at.where), at.where, "include-project") for one in paths]
        return [self._read(one, at.where, origin) for one in clean]

    def files_of(self, project: str, ref: str, where: Where) -> Files:
        key = (project, ref)
        if key not in self._projects:
            what = f"{project}@{ref}" if ref else project
            self._projects[key] = self._asked(
                "project", what, where, lambda: self.context.sources.project(project, ref)
            )
        found = self._projects[key]
        assert found is not None  # noqa: S101 - _asked answers or raises
        return found

    def _remote(self, url: str, where: Where, integrity: str) -> list[Found]:
        shown = self.context.concealed(url)
        if not url.lower().startswith("https://"):
            message = f"“{short(shown)}” is no https address."
            raise error(where, "include-remote", message, "Write https://….")
        if not url.split("?", 1)[0].split("#", 1)[0].endswith(_EXTENSION):
            message = f"“{short(shown)}” does not end in .yml or .yaml."
            raise error(where, "include-remote", message, "Rename the file.")
        if integrity and not _INTEGRITY.fullmatch(integrity):
            fix = "Write sha256- and the base64 of the SHA-256."
            raise error(where, "include-integrity", "integrity is no SHA-256.", fix)
        data = self._asked("remote", shown, where, lambda: self.context.sources.remote(url))
        if integrity and integrity != integrity_of(data):
            message = f"“{short(shown)}” is not what integrity says: it is {integrity_of(data)}."
            raise error(where, "include-integrity", message, "Look at what changed there.")
        return [Found(shown, data, Origin(None))]

    def _template(self, name: str, where: Where) -> list[Found]:
        clean = _clean(name, where, "include-template")
        data = self._asked("template", name, where, lambda: self.context.sources.template(clean))
        return [Found(f"template:{clean}", data, Origin(None))]

    def _component(self, address: str, where: Where) -> list[Found]:
        parts = _COMPONENT.fullmatch(address)
        if parts is None:
            message = f"“{short(address)}” is no address of a component."
            fix = "Write $CI_SERVER_FQDN/group/project/name@1.0."
            raise error(where, "include-component", message, fix)
        name, version = parts[1], parts[2]
        asking = lambda: self.context.sources.component(name, version)  # noqa: E731 - asked for in several places
        found = self._asked("component", address, where, asking)
        facts = {
            "name": found.name,
            "version": found.version,
            "sha": found.sha,
            "reference": found.reference or version,
        }
        origin = Origin(found.files, f"{name.rpartition('/')[0]}@{found.sha or version}:")
        return [Found(address, found.content, origin, facts)]


_FIXES = {
    "project": "Check project and ref, and that you may read it; or copy the file here.",
    "remote": "Check the address, and that its host is allowed; or copy the file here.",
    "template": "Copy the template here, and include it as local.",
    "component": "Check address and version, and that you may read it; or include it as local.",
}


def integrity_of(data: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(data).digest()).decode()}"


def _clean(path: str, where: Where, rule: str) -> str:
    """A path from a root, without ways out of it."""
    parts = path.removeprefix("/").split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\0" in path:
        message = f"“{short(path)}” is no path from the repository's root."
        raise error(where, rule, message, "Write it without “.”, “..” and “//”.")
    if not path.endswith(_EXTENSION):
        message = f"“{short(path)}” does not end in .yml or .yaml."
        raise error(where, rule, message, "Rename the file.")
    return "/".join(parts)
