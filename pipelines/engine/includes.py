"""`include`: files of this commit and, through the context's sources, of elsewhere.

https://docs.gitlab.com/ci/yaml/includes/: later files win over earlier ones, the including file
wins over all that it includes. At most 150 files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.engine import inputs
from pipelines.engine.context import Context
from pipelines.engine.inputs import Spec
from pipelines.engine.interpolation import Interpolating
from pipelines.engine.merging import deep_merge
from pipelines.engine.places import KEYS, KINDS, Found, Origin, Places
from pipelines.engine.problems import Problem, Where, error, nearest, short
from pipelines.engine.rules import check_rules, judge
from pipelines.engine.source import MAX_NODES, Document, Items, Map, read

MAX_FILES = 150
MAX_TOTAL = 10_000_000  # bytes of all files


class Including:
    """Reads a file and everything that it includes into one map."""

    def __init__(self, context: Context, values: Mapping[str, str]) -> None:
        self.context = context
        self.values = values
        self.places = Places(context, values)
        self.warnings: list[Problem] = []
        self.files: list[str] = []
        self.spec: Spec | None = None  # of the first file
        self._bytes = 0
        self._left = MAX_NODES

    def run(self, data: bytes | str, file: str) -> Map:
        raw = data.encode(errors="surrogatepass") if isinstance(data, str) else data
        found = Found(file, raw, Origin(self.context.files))
        return self._merged(found, self.context.inputs, Where(file), (file,))

    def declared(self, data: bytes, file: str) -> Spec:
        """What the file asks for, its jobs unread."""
        found = Found(file, data, Origin(self.context.files))
        return self._spec(read(data, file), found)

    def _spec(self, document: Document, found: Found) -> Spec:
        spec = Spec({}) if document.header is None else inputs.read_spec(document.header)
        return spec if spec.include is None else self._with_included(spec, found)

    def _document(self, found: Found, given: Mapping[str, Any], where: Where) -> Map:
        """The file with its inputs put in."""
        self._bytes += len(found.data)
        if self._bytes > MAX_TOTAL:
            message = f"The files have more than {MAX_TOTAL} bytes together."
            raise error(Where(found.label), "size", message, "Include fewer.")
        document: Document = read(found.data, found.label)
        self.warnings.extend(document.warnings)
        first = not self.files
        self.files.append(found.label)
        spec = self._spec(document, found)
        if first:
            self.spec = spec
        resolved = inputs.resolved(spec, given, where)
        if document.header is None:
            return document.value
        facts = {name: found.facts.get(name, "") for name in spec.component}
        putting = Interpolating(document.blocks, resolved, facts, self.values, self.context.masked)
        putting.left = self._left
        tree: Map = putting.run(document.value, document.value.where)
        self._left = putting.left
        return tree

    def _with_included(self, spec: Spec, found: Found) -> Spec:
        """`spec:include`: more inputs from files that declare nothing else."""
        declared: dict[str, inputs.Input] = {}
        for item, place in _listed(spec.include, spec.where):
            for other in self._places_of(item, place, found.origin):
                self._count(place)
                self.files.append(other.label)
                tree = read(other.data, other.label).value
                declared |= inputs.read_inputs(tree.get("inputs"), tree.at("inputs"))
        return Spec({**declared, **spec.inputs}, spec.component, None, spec.where)

    def _merged(
        self, found: Found, given: Mapping[str, Any], where: Where, trail: tuple[str, ...]
    ) -> Map:
        own = self._document(found, given, where)
        if own.get("include") is None:
            return own
        merged = Map(own.where)
        for item, place in _listed(own["include"], own.at("include")):
            inner = self._inputs(item)
            for other in self._places_of(item, place, found.origin):
                merged = deep_merge(merged, self._included(other, inner, place, trail))
        merged = deep_merge(merged, own)
        merged.pop("include", None)
        return merged

    def _included(
        self, found: Found, given: Mapping[str, Any], where: Where, trail: tuple[str, ...]
    ) -> Map:
        if found.label in trail:
            circle = " → ".join((*trail[trail.index(found.label) :], found.label))
            raise error(where, "include-cycle", f"include runs in a circle: {circle}.", "Break it.")
        self._count(where)
        return self._merged(found, given, where, (*trail, found.label))

    def _count(self, where: Where) -> None:
        if len(self.files) > MAX_FILES:
            message = f"More than {MAX_FILES} files are included."
            raise error(where, "include-limit", message, "Put some together.")

    def _inputs(self, item: Any) -> Mapping[str, Any]:
        given = item.get("inputs") if isinstance(item, Map) else None
        if given is None:
            return {}
        if not isinstance(given, Map):
            message = "include:inputs takes a map of names and values."
            raise error(item.at("inputs"), "inputs", message, "Write name: value.")
        return given

    def _places_of(self, item: Any, where: Where, origin: Origin) -> list[Found]:
        if isinstance(item, str):
            return self.places.named(item, where, origin)
        if not isinstance(item, Map):
            raise error(
                where, "include", "include takes paths and maps.", "Write - local: path.yml."
            )
        unknown = sorted(item.keys() - KEYS)
        if unknown:
            message = f"include has the unknown key “{short(unknown[0])}”."
            fix = nearest(unknown[0], KEYS) or f"Known are {', '.join(KINDS)} and rules."
            raise error(item.at(unknown[0]), "include-kind", message, fix)
        kinds = [kind for kind in KINDS if kind in item]
        if len(kinds) != 1:
            message = "An include names exactly one of local, project, remote, template, component."
            raise error(where, "include", message, "Write - local: path.yml.")
        if not self._wanted(item):
            return []
        return self.places.of(kinds[0], item, origin)

    def _wanted(self, item: Map) -> bool:
        if item.get("rules") is None:
            return True
        rules = check_rules(item["rules"], "include", item.at("rules"))
        rule, _ = judge(rules, "include", self.values, self.context)
        return rule is not None and rule.get("when") != "never"


def _listed(given: Any, where: Where) -> list[tuple[Any, Where]]:
    if not isinstance(given, Items):
        return [(given, where)]
    found: list[tuple[Any, Where]] = []
    for one, place in given.pairs():
        found += _listed(one, place) if isinstance(one, Items) else [(one, place)]
    return found
