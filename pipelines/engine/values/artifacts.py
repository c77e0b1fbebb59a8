"""`artifacts`: the files that a job leaves behind, and the reports among them.

https://docs.gitlab.com/ci/yaml/#artifacts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.engine.problems import short
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At, Form

WHENS = ("on_success", "on_failure", "always")
ACCESS = ("all", "developer", "maintainer", "none")
COVERAGE_FORMATS = ("cobertura", "jacoco")
REPORTS = frozenset(
    {
        "accessibility",
        "annotations",
        "api_fuzzing",
        "browser_performance",
        "codequality",
        "container_scanning",
        "coverage_fuzzing",
        "coverage_report",
        "cyclonedx",
        "dast",
        "dependency_scanning",
        "dotenv",
        "junit",
        "license_management",
        "license_scanning",
        "load_performance",
        "lsif",
        "metrics",
        "performance",
        "repository_xray",
        "requirements",
        "sarif",
        "sast",
        "secret_detection",
        "terraform",
    }
)
_KEYS = frozenset(
    {
        "access",
        "exclude",
        "expire_in",
        "expose_as",
        "name",
        "paths",
        "public",
        "reports",
        "untracked",
        "when",
    }
)
MAX_EXPOSED = 100


@dataclass(frozen=True, slots=True)
class Report:
    """Files of one kind of report; `format` is only said by coverage."""

    kind: str
    paths: tuple[str, ...]
    format: str = ""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """`expire_in` in seconds: None is the project's default, 0 is never. Globs in the paths."""

    paths: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    untracked: bool = False
    expire_in: int | None = None
    when: str = "on_success"
    name: str = ""
    expose_as: str = ""
    access: str = "all"
    reports: tuple[Report, ...] = ()

    def kept_after(self, *, failed: bool) -> bool:
        return self.when == "always" or failed == (self.when == "on_failure")


def read_artifacts(given: Any, at: At) -> Artifacts:
    form = forms.form(given, at, _KEYS)
    access = form.one_of("access", ACCESS, "all")
    if form.has("public"):
        if form.has("access"):
            raise at.wrong("has access and public", "Remove public.")
        access = "all" if form.flag("public") else "developer"
    never = form.has("expire_in")
    found = Artifacts(
        paths=form.texts("paths"),
        exclude=form.texts("exclude"),
        untracked=form.flag("untracked"),
        expire_in=_period(form) if never else None,
        when=form.one_of("when", WHENS, "on_success"),
        name=form.text("name"),
        expose_as=_exposed(form),
        access=access,
        reports=_reports(form),
    )
    if found.expose_as and not found.paths:
        raise at.wrong("has expose_as and no paths", "Add paths.")
    return found


def _period(form: Form) -> int:
    return forms.period(form.given["expire_in"], form.place("expire_in"), never=True)


def _exposed(form: Form) -> str:
    found = form.text("expose_as")
    if len(found) > MAX_EXPOSED:
        place = form.place("expose_as")
        raise place.wrong(f"has more than {MAX_EXPOSED} characters", "Shorten it.")
    return found


def _reports(form: Form) -> tuple[Report, ...]:
    reports = form.form("reports", REPORTS)
    if reports is None:
        return ()
    return tuple(
        _coverage(reports) if kind == "coverage_report" else _report(reports, kind)
        for kind in reports.given
        if reports.has(kind)
    )


def _report(reports: Form, kind: str) -> Report:
    return Report(kind, forms.one_or_more(reports.given[kind], reports.place(kind)))


def _coverage(reports: Form) -> Report:
    form = reports.form("coverage_report", {"coverage_format", "path"})
    place = reports.place("coverage_report")
    if form is None or not form.has("path"):
        raise place.wrong("names no path", "Add coverage_format and path.")
    format_ = form.text("coverage_format")
    if format_ not in COVERAGE_FORMATS:
        message = f"has the format “{short(format_)}”"
        raise place.wrong(message, f"Use one of {', '.join(COVERAGE_FORMATS)}.")
    return Report("coverage_report", (form.text("path"),), format_)
