"""Runs files of vectors against the engines and the registry, and names every disagreement.

`manage.py conformance_schemas DIR` calls it with a registry, `python -m schemas.conformance DIR`
without one. The form of the files is that of published test pairs: a case is a pair of schemas
with a verdict, or a scenario of requests with the answers that a registry gives.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from idp.common.errors import Invalid
from schemas.formats import registry as formats
from schemas.formats.base import FormatName, Parsed
from schemas.formats.levels import Finding, Level, findings

SCENARIOS = "SCENARIOS"
KINDS = (*FormatName, SCENARIOS)
_SHOWN = 5  # findings of a miss
_CUT = 300  # characters of an answer
_DEFAULT_MODE = Level.BACKWARD


class Registry(Protocol):
    """Where scenarios run; every one of them starts on an empty registry."""

    def fresh(self) -> None:
        """Make it empty."""
        ...

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, Any]:
        """The status and the JSON of the answer; `body` None sends none."""
        ...


@dataclass(frozen=True)
class Outcome:
    """One case that was run. `reasons` are in words; a case that agrees may have some, too."""

    kind: str
    name: str
    expected: str
    got: str
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    max_seconds: float | None = None

    @property
    def agrees(self) -> bool:
        return self.expected == self.got

    @property
    def slow(self) -> bool:
        return self.max_seconds is not None and self.seconds > self.max_seconds


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    @property
    def misses(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.agrees]

    def score(self, kind: str) -> tuple[int, int]:
        """How many cases of a kind agree, and how many there are."""
        counted = [outcome for outcome in self.outcomes if outcome.kind == kind]
        return sum(outcome.agrees for outcome in counted), len(counted)

    def lines(self) -> Iterator[str]:
        """What people read: what was skipped, each miss, what took too long, the scores."""
        yield from self.skipped
        for outcome in self.misses:
            yield f"{outcome.kind} {outcome.name}: {outcome.expected} expected, {outcome.got}"
            yield from (f"    {reason}" for reason in outcome.reasons)
        for outcome in self.outcomes:
            if outcome.slow:
                took = f"{outcome.seconds:.2f} s, {outcome.max_seconds:g} s allowed"
                yield f"{outcome.kind} {outcome.name}: took {took}"
        for kind in KINDS:
            agree, all_of_them = self.score(kind)
            yield f"{kind} {agree}/{all_of_them}"


def run(directory: Path, registry: Registry | None = None) -> Report:
    """Run every `*.json` of a directory; scenarios only where there is a registry."""
    report = Report()
    for path in sorted(directory.glob("*.json")):
        cases = _cases(path)
        if cases is None:
            report.skipped.append(f"{path.name}: skipped, it has another form")
            continue
        scenarios = [case for case in cases if "steps" in case]
        if scenarios and registry is None:
            report.skipped.append(
                f"{path.name}: scenarios need a registry, {len(scenarios)} skipped"
            )
        for case in cases:
            if "steps" not in case:
                report.outcomes.extend(_pair(case))
            elif registry is not None:
                report.outcomes.append(_scenario(case, registry))
    return report


def _cases(path: Path) -> list[dict[str, Any]] | None:
    """The cases of a file; None when it is of another form."""
    try:
        value = json.loads(path.read_text())
    except (ValueError, OSError, RecursionError):
        return None
    cases = value.get("cases") if isinstance(value, dict) else None
    return cases if isinstance(cases, list) and all(map(_is_case, cases)) else None


def _is_case(case: Any) -> bool:
    if not isinstance(case, dict):
        return False
    if isinstance(case.get("steps"), list):
        return True
    return "old" in case and "new" in case and case.get("format") in {*FormatName}


# -- pairs of schemas --------------------------------------------------------------------------


def _pair(case: Mapping[str, Any]) -> Iterator[Outcome]:
    """What became of a pair; nothing when the case gives no verdict."""
    strict, lenient = (case.get(f"expected_compatible{end}") for end in ("", "_lenient"))
    if strict is None:
        return
    begun = time.monotonic()
    got, reasons = _judged(case, both=lenient is not None)
    yield Outcome(
        kind=case["format"],
        name=str(case.get("name", "")),
        expected=_verdict(bool(strict), lenient),
        got=got,
        reasons=tuple(reasons[:_SHOWN]),
        seconds=time.monotonic() - begun,
        max_seconds=case.get("max_seconds"),
    )


def _verdict(strict: bool, lenient: bool | None) -> str:  # a pair of verdicts
    words = {True: "compatible", False: "incompatible"}
    if lenient is None:
        return words[strict]
    return f"strictly {words[strict]}, leniently {words[lenient]}"


def _judged(case: Mapping[str, Any], *, both: bool) -> tuple[str, list[str]]:
    name = FormatName(case["format"])
    try:
        level = Level(case.get("mode") or _DEFAULT_MODE)
        old, new = (_parse(name, case[side]) for side in ("old", "new"))
        strict = list(findings(formats.get(name), new, [old], level))
        lenient = list(findings(formats.get(name), new, [old], level, lenient=True))
    except Invalid as error:
        return f"refused ({error.message})", []
    except ValueError as error:
        return f"not run ({error})", []
    return _verdict(not strict, not lenient if both else None), list(map(_in_words, strict))


def _parse(name: FormatName, schema: Any) -> Parsed:
    """A vector holds a schema as an object or as its text; a bare word names a primitive type."""
    text = schema if isinstance(schema, str) else json.dumps(schema)
    if name is FormatName.AVRO and text.strip().isidentifier():
        text = json.dumps(text)
    return formats.get(name).parse(text)


def _in_words(finding: Finding) -> str:
    difference = finding.difference
    return f"{difference.kind} at {difference.reader_at or '/'}: {difference.advice}"


# -- scenarios ---------------------------------------------------------------------------------


def _scenario(case: Mapping[str, Any], registry: Registry) -> Outcome:
    """Run the steps up to the first answer that is another than expected."""
    begun = time.monotonic()
    registry.fresh()
    known: dict[str, Any] = {}
    wrong: list[str] = []
    for number, step in enumerate(case["steps"], start=1):
        filled = _filled({key: value for key, value in step.items() if key != "capture"}, known)
        status, answer = registry.request(
            filled["method"], filled["path"], filled.get("headers") or {}, filled.get("body")
        )
        wrong = list(_wrong(filled.get("expect") or {}, status, answer))
        if wrong:
            place = f"step {number}, {filled['method']} {filled['path']}"
            wrong = [f"{place}: {reason}" for reason in wrong]
            break
        for variable, name in (step.get("capture") or {}).items():
            known[variable] = _member(answer, name)
    return Outcome(
        kind=SCENARIOS,
        name=str(case.get("name", "")),
        expected="the answers of the scenario",
        got="others" if wrong else "the answers of the scenario",
        reasons=tuple(wrong),
        seconds=time.monotonic() - begun,
        max_seconds=case.get("max_seconds"),
    )


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with captured variables put in; one that stands alone keeps its type."""
    if isinstance(value, dict):
        return {key: _filled(child, known) for key, child in value.items()}
    if isinstance(value, list):
        return [_filled(child, known) for child in value]
    if not isinstance(value, str):
        return value
    for name, found in known.items():
        if value == f"{{{name}}}":
            return found
        value = value.replace(f"{{{name}}}", str(found))
    return value


def _member(answer: Any, name: str) -> Any:
    """The member of an answer; dots lead further in."""
    for part in name.split("."):
        if isinstance(answer, list) and part.isdecimal() and int(part) < len(answer):
            answer = answer[int(part)]
        else:
            answer = answer.get(part) if isinstance(answer, dict) else None
    return answer


def _wrong(expect: Mapping[str, Any], status: int, answer: Any) -> Iterator[str]:
    """What is not as expected, in words."""
    shown = json.dumps(answer)[:_CUT]
    if "status" in expect and status not in _choices(expect["status"]):
        yield f"status {expect['status']} expected, {status} came: {shown}"
    if "error_code" in expect and _member(answer, "error_code") not in _choices(
        expect["error_code"]
    ):
        yield f"error code {expect['error_code']} expected, {shown} came"
    if "json_equals" in expect and answer != expect["json_equals"]:
        yield f"{json.dumps(expect['json_equals'])[:_CUT]} expected, {shown} came"
    if "json_contains" in expect and not _contains(answer, expect["json_contains"]):
        yield f"{json.dumps(expect['json_contains'])[:_CUT]} expected inside {shown}"
    listed = answer if isinstance(answer, list) else []
    for entry in expect.get("json_list_has", ()):
        if entry not in listed:
            yield f"{json.dumps(entry)} expected in the list {shown}"
    for entry in expect.get("json_list_lacks", ()):
        if entry in listed:
            yield f"{json.dumps(entry)} not expected in the list {shown}"


def _choices(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _contains(answer: Any, wanted: Any) -> bool:
    """Whether an answer has everything that is wanted, objects member by member."""
    if isinstance(wanted, dict):
        return isinstance(answer, dict) and all(
            key in answer and _contains(answer[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(answer, list) and all(entry in answer for entry in wanted)
    return bool(answer == wanted)


def main(arguments: Sequence[str]) -> int:
    """Print the report of a directory; the exit code is 1 where something disagrees."""
    report = run(Path(arguments[0] if arguments else "."))
    sys.stdout.writelines(f"{line}\n" for line in report.lines())
    return 1 if report.misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
