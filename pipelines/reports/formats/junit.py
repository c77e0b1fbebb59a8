"""JUnit's XML in the dialects that tools write: there is no standard of it.

Read as one: Ant's and Maven Surefire's schema (with `rerunFailure` and `flakyFailure`), pytest,
Gradle, Jest, gotestsum, PHPUnit's nested suites, NUnit and xUnit by their converters, Mocha,
Cypress, GoogleTest and CTest (`status`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipelines.reports.formats import xml
from pipelines.reports.formats.base import Source, clipped
from pipelines.reports.formats.paths import relative
from pipelines.reports.formats.results import (
    MAX_CASES,
    MAX_DETAILS,
    MAX_MESSAGE,
    MAX_NAME,
    Case,
    Cases,
    Outcome,
)

MAX_BAD = 10_000  # red cases that are kept beyond `MAX_CASES`
MAX_SECONDS = 30 * 86_400.0
_BAD = {"failure": Outcome.FAILED, "error": Outcome.ERROR}
_TRIES = frozenset({"rerunFailure", "rerunError", "flakyFailure", "flakyError", "rerun"})
_SKIPS = frozenset({"skipped", "disabled", "ignored"})
_NOT_RUN = frozenset({"skipped", "notrun", "disabled", "pending", "ignored", "inconclusive"})
_FAILED = frozenset({"fail", "failed", "failure"})
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


def seconds(text: str | None) -> float | None:
    """A duration as tools write it: `1.5`, `1,234.5` (thousands), `0,5` (a comma for the point)."""
    word = (text or "").strip().removesuffix("s")
    several = word.count(",") > 1 or "." in word
    plain = word.replace(",", "") if _THOUSANDS.fullmatch(word) and several else word
    try:
        value = float(plain.replace(",", "."))
    except ValueError:
        return None
    return value if 0 <= value <= MAX_SECONDS else None


@dataclass
class _Suite:
    name: str
    file: str


@dataclass
class _Open:
    """The case being read."""

    attributes: Mapping[str, str]
    outcome: Outcome
    message: str = ""
    details: list[str] = field(default_factory=list)
    tries: int = 0


class _Reader:
    roots = frozenset({"testsuites", "testsuite"})
    texts = frozenset({*_BAD, *_TRIES, *_SKIPS, "system-out", "system-err", "stackTrace"})

    def __init__(self, root: str) -> None:
        self.root = root
        self.suites: list[_Suite] = []
        self.file = ""  # Mocha and Cypress name it in their first suite alone
        self.case: _Open | None = None
        self.reruns = False  # gotestsum writes each try as a case of its own
        self.kept: list[Case] = []
        self.places: dict[tuple[str, str, str, str], int] = {}
        self.counts = dict.fromkeys(Outcome, 0)
        self.flaky = self.left_out = self.red = 0
        self.seconds = 0.0

    # -- events ---------------------------------------------------------------------------------

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "testsuite":
            self._suite(attributes)
        elif tag == "testcase":
            self.case = _Open(attributes, _by_status(attributes))
        elif tag == "property" and attributes.get("name") == "go.version":
            self.reruns = True
        elif self.case is not None:
            self._inside(self.case, tag, attributes)

    def end(self, tag: str, text: str) -> None:
        if tag == "testsuite":
            self.suites.pop()
        elif tag == "testcase" and self.case is not None:
            self._done(self.case)
            self.case = None
        elif self.case is not None and tag in self.texts:
            self._text(self.case, tag, text)

    # -- parts ----------------------------------------------------------------------------------

    def _suite(self, attributes: Mapping[str, str]) -> None:
        name = attributes.get("name", "")[:MAX_NAME]
        file = attributes.get("file") or attributes.get("filepath") or ""
        if name == "Root Suite":
            self.file = file
        above = self.suites[-1].file if self.suites else ""
        self.suites.append(_Suite(name, file or above or self.file))

    def _inside(self, case: _Open, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in _BAD:
            if not case.outcome.bad:  # the first cause counts
                case.outcome = _BAD[tag]
                case.message = attributes.get("message") or attributes.get("type") or ""
        elif tag in _TRIES:
            case.tries += 1
            case.message = case.message or attributes.get("message", "")
        elif tag in _SKIPS and not case.outcome.bad:
            case.outcome = Outcome.SKIPPED
            case.message = attributes.get("message", "")

    def _text(self, case: _Open, tag: str, text: str) -> None:
        text = text.strip()
        if not text or len(case.details) > 8:  # noqa: PLR2004  # causes and outputs of one case
            return
        if not case.message and tag not in {"system-out", "system-err"}:
            case.message = text.split("\n", 1)[0]
        case.details.append(text)

    def _done(self, open_: _Open) -> None:
        case = self._case(open_)
        key = (case.suite, case.classname, case.name, case.file)
        at = self.places.get(key)
        if at is None:
            self._add(case, key)
        else:
            self._again(at, case)

    def _case(self, open_: _Open) -> Case:
        told = open_.attributes
        suite = self.suites[-1] if self.suites else _Suite("", "")
        classname = (told.get("classname") or told.get("class") or "")[:MAX_NAME]
        file = told.get("file") or told.get("filepath") or suite.file
        interesting = open_.outcome is not Outcome.PASSED or open_.tries
        return Case(
            name=clipped(told.get("name", "").strip(), MAX_NAME) or "(no name)",
            classname=classname.replace("\0", ""),
            suite=suite.name.replace("\0", ""),
            file=relative(file, self.root) if file else _pytest_file(suite.name, classname),
            outcome=open_.outcome,
            seconds=seconds(told.get("time") or told.get("duration")),
            message=clipped(open_.message, MAX_MESSAGE) if interesting else "",
            details=clipped("\n\n".join(open_.details), MAX_DETAILS) if interesting else "",
            failed_tries=open_.tries,
        )

    # -- what is kept ---------------------------------------------------------------------------

    def _add(self, case: Case, key: tuple[str, str, str, str]) -> None:
        self._count(case, 1)
        self.seconds += case.seconds or 0
        room = len(self.kept) < MAX_CASES
        if not room and case.outcome.bad and self.red < MAX_BAD:
            self.red += 1
            room = True
        if not room:
            self.left_out += 1
            return
        self.places[key] = len(self.kept)
        self.kept.append(case)

    def _again(self, at: int, case: Case) -> None:
        """The same name twice: a rerun where the tool says so, else two tests.

        Of two tests the worse counts, so that none hides the other.
        """
        first = self.kept[at]
        self._count(first, -1)
        self.seconds += case.seconds or 0
        if self.reruns:
            tries = first.failed_tries + first.outcome.bad
            told = case if case.message else replace(case, message=first.message)
            merged = replace(told, details=case.details or first.details, failed_tries=tries)
        else:
            merged = max(first, case, key=lambda one: (one.outcome.bad, one.outcome == "passed"))
        self.kept[at] = merged
        self._count(merged, 1)

    def _count(self, case: Case, by: int) -> None:
        self.counts[case.outcome] += by
        self.flaky += by if case.flaky else 0


def _by_status(attributes: Mapping[str, str]) -> Outcome:
    """GoogleTest, CTest and converters say it beside the elements, or instead of them."""
    words = {attributes.get(name, "").lower() for name in ("status", "result")}
    if words & _NOT_RUN:
        return Outcome.SKIPPED
    return Outcome.FAILED if words & _FAILED else Outcome.PASSED


def _pytest_file(suite: str, classname: str) -> str:
    """The second family of pytest's attributes names the module alone: `tests.test_a.TestB`."""
    if suite != "pytest" or not classname:
        return ""
    parts = classname.split(".")
    while parts and parts[-1][:1].isupper():
        parts.pop()
    return relative("/".join(parts) + ".py") if parts and all(parts) else ""


def read(source: Source, root: str = "") -> Cases:
    """The cases of a report; raises `ReportRefused`."""
    reader = _Reader(root)
    xml.read(source, reader)
    counts = reader.counts
    return Cases(
        cases=tuple(reader.kept),
        total=sum(counts.values()),
        passed=counts[Outcome.PASSED],
        failed=counts[Outcome.FAILED],
        errors=counts[Outcome.ERROR],
        skipped=counts[Outcome.SKIPPED],
        flaky=reader.flaky,
        seconds=round(reader.seconds, 3),
        left_out=reader.left_out,
    )
