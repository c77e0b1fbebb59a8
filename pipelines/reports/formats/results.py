"""What the readers find, whatever format said it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipelines.reports.formats.dotenv import Variables

MAX_CASES = 50_000  # of one report that are kept; the rest is counted
MAX_FILES = 20_000
MAX_LINES = 1_000_000  # of all files of a coverage report
MAX_FINDINGS = 10_000
MAX_SAMPLES = 2_000
MAX_NAME = 1_000  # letters of a test's name
MAX_MESSAGE = 1_000
MAX_DETAILS = 8_000


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"

    @property
    def bad(self) -> bool:
        return self in {Outcome.FAILED, Outcome.ERROR}


class Severity(StrEnum):
    """Worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Case:
    """One test and how it went at last; `failed_tries` are those beside that."""

    name: str
    classname: str = ""
    suite: str = ""
    file: str = ""
    outcome: Outcome = Outcome.PASSED
    seconds: float | None = None
    message: str = ""
    details: str = ""
    failed_tries: int = 0

    @property
    def flaky(self) -> bool:
        return self.outcome is Outcome.PASSED and self.failed_tries > 0


@dataclass(frozen=True)
class Cases:
    """All cases are in the numbers; `left_out` of them are not in `cases`."""

    cases: tuple[Case, ...]
    total: int
    passed: int
    failed: int
    errors: int
    skipped: int
    flaky: int
    seconds: float
    left_out: int = 0


@dataclass(frozen=True)
class FileCoverage:
    """How often each line that can run did."""

    path: str
    hits: Mapping[int, int]

    @property
    def covered(self) -> int:
        return sum(1 for count in self.hits.values() if count)


@dataclass(frozen=True)
class Coverage:
    files: tuple[FileCoverage, ...]
    lines: int
    covered: int
    branches: int = 0
    branches_covered: int = 0
    left_out: int = 0  # lines that are counted, not kept


@dataclass(frozen=True, slots=True)
class Finding:
    """What a scanner says of a place; `fingerprint` is the same in the next commit."""

    fingerprint: str
    tool: str
    rule: str
    severity: Severity
    message: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True)
class Findings:
    findings: tuple[Finding, ...]
    total: int
    by_severity: Mapping[Severity, int] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    suppressed: int = 0
    components: int = 0  # of a bill of materials
    left_out: int = 0


@dataclass(frozen=True)
class Metrics:
    """Samples by name with labels, as they are written."""

    samples: Mapping[str, float]
    left_out: int = 0


@dataclass(frozen=True)
class Compatibility:
    """Whether a set of schema versions may go where it was asked to."""

    allowed: bool
    environment: str
    sentence: str
    missing: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changed:
    """Lines that a diff adds or changes, by the file's path after it."""

    lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


Result = Cases | Coverage | Findings | Variables | Metrics | Compatibility | Changed
