"""`include`: files of this commit, with globs and rules; what lies elsewhere is refused by name.

https://docs.gitlab.com/ci/yaml/includes/: later files win over earlier ones, the including file
wins over all that it includes. At most 150 files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipelines.engine import patterns
from pipelines.engine.context import Context
from pipelines.engine.merging import deep_merge
from pipelines.engine.problems import Problem, Where, error, nearest, short
from pipelines.engine.rules import check_rules, judge
from pipelines.engine.source import Document, Items, Map, read
from pipelines.engine.variables import substitute

MAX_FILES = 150
MAX_TOTAL = 10_000_000  # bytes of all files
_KINDS = ("local", "project", "remote", "template", "component")
_KEYS = frozenset({*_KINDS, "rules", "file", "ref", "inputs", "integrity", "cache"})
_URL = re.compile(r"https?://", re.IGNORECASE)
_EXTENSION = (".yml", ".yaml")


class Including:
    """Reads a file and everything that it includes into one map."""

    def __init__(self, context: Context, values: Mapping[str, str]) -> None:
        self.context = context
        self.values = values
        self.warnings: list[Problem] = []
        self.files: list[str] = []
        self._bytes = 0

    def run(self, data: bytes | str, file: str) -> Map:
        return self._merged(self._document(data, file), (file,))

    def _document(self, data: bytes | str, file: str) -> Map:
        self._bytes += len(data)
        if self._bytes > MAX_TOTAL:
            message = f"The files have more than {MAX_TOTAL} bytes together."
            raise error(Where(file), "size", message, "Include fewer.")
        document: Document = read(data, file)
        self.warnings.extend(document.warnings)
        self.files.append(file)
        return document.value

    def _merged(self, own: Map, trail: tuple[str, ...]) -> Map:
        if own.get("include") is None:
            return own
        merged = Map(own.where)
        given, where = own["include"], own.at("include")
        items = given if isinstance(given, Items) else [given]
        places = given.lines if isinstance(given, Items) else [where]
        for item, place in zip(items, places, strict=True):
            for path in self._paths(item, place):
                merged = deep_merge(merged, self._included(path, place, trail))
        merged = deep_merge(merged, own)
        merged.pop("include", None)
        return merged

    def _included(self, path: str, where: Where, trail: tuple[str, ...]) -> Map:
        if path in trail:
            circle = " → ".join((*trail[trail.index(path) :], path))
            raise error(where, "include-cycle", f"include runs in a circle: {circle}.", "Break it.")
        if len(self.files) > MAX_FILES:
            message = f"More than {MAX_FILES} files are included."
            raise error(where, "include-limit", message, "Put some together.")
        data = self.context.files.read(path)
        if data is None:
            fix = (
                nearest(path, list(self.context.files.paths())[:2_000])
                or "Add it, or mend the path."
            )
            raise error(where, "include-missing", f"There is no file “{short(path)}”.", fix)
        return self._merged(self._document(data, path), (*trail, path))

    def _paths(self, item: Any, where: Where) -> list[str]:
        if isinstance(item, str):
            return self._local(item, where)
        if not isinstance(item, Map):
            raise error(
                where, "include", "include takes paths and maps.", "Write - local: path.yml."
            )
        unknown = sorted(item.keys() - _KEYS)
        if unknown:
            message = f"include has the unknown key “{short(unknown[0])}”."
            fix = nearest(unknown[0], _KEYS) or f"Known are {', '.join(_KINDS)} and rules."
            raise error(item.at(unknown[0]), "include-kind", message, fix)
        kinds = [kind for kind in _KINDS if kind in item]
        if len(kinds) != 1:
            message = "An include names exactly one of local, project, remote, template, component."
            raise error(where, "include", message, "Write - local: path.yml.")
        if not self._wanted(item):
            return []
        if kinds[0] != "local":
            raise self._foreign(kinds[0], item[kinds[0]], where)
        return self._local(item["local"], item.at("local"))

    def _wanted(self, item: Map) -> bool:
        if item.get("rules") is None:
            return True
        rules = check_rules(item["rules"], "include", item.at("rules"))
        rule, _ = judge(rules, "include", self.values, self.context)
        return rule is not None and rule.get("when") != "never"

    def _foreign(self, kind: str, given: Any, where: Where) -> Exception:
        message = f"include:{kind} (“{short(given)}”) lies outside of this commit."
        fix = "Only include:local is read; copy the file here and include it as local."
        return error(where, f"include-{kind}", message, fix)

    def _local(self, given: Any, where: Where) -> list[str]:
        if not isinstance(given, str) or not given.strip():
            raise error(
                where, "include-local", "include:local takes a path.", "Write /ci/build.yml."
            )
        path = substitute(given, self.values, where)
        if _URL.match(path):
            raise self._foreign("remote", path, where)
        if "://" in path or path.startswith("file:"):
            message = f"“{short(path)}” is no path in this repository."
            raise error(where, "include-local", message, "Write a path from its root.")
        parts = path.removeprefix("/").split("/")
        if any(part in {"", ".", ".."} for part in parts) or "\0" in path:
            message = f"“{short(path)}” is no path from the repository's root."
            raise error(where, "include-local", message, "Write it without “.”, “..” and “//”.")
        if not path.endswith(_EXTENSION):
            message = f"“{short(path)}” does not end in .yml or .yaml."
            raise error(where, "include-local", message, "Rename the file.")
        return self._globbed("/".join(parts), where)

    def _globbed(self, path: str, where: Where) -> list[str]:
        if "*" not in path:
            return [path]
        try:
            found = patterns.Lookup(self.context.files.paths()).all(path)
        except patterns.PatternError as fault:
            raise error(
                where, "include-local", f"The pattern is wrong: {fault}.", "Mend it."
            ) from None
        if not found:
            message = f"No file fits “{short(path)}”."
            raise error(where, "include-missing", message, "Add one, or mend the pattern.")
        return found
