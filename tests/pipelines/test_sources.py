"""Includes of elsewhere: what the port answers, refuses, or does not know."""

import pytest

from pipelines.engine.sources import (
    Component,
    MemoryFiles,
    MemorySources,
    NoSources,
    SourceError,
)
from tests.pipelines.making import files, loaded, planned, refused

JOB = "\njob: {script: [x]}\n"


@pytest.mark.parametrize(
    ("include", "rule"),
    [
        ("{project: g/p, file: a.yml}", "include-project"),
        ("{remote: 'https://example.test/a.yml'}", "include-remote"),
        ("{template: A.gitlab-ci.yml}", "include-template"),
        ("{component: 'h/g/p/n@1.0'}", "include-component"),
    ],
)
def test_without_sources_each_kind_is_named_with_a_fix(include: str, rule: str) -> None:
    problem = refused(f"include: [{include}]{JOB}", sources=NoSources()).problems[0]
    assert problem.rule == rule
    assert "cannot be read from here" in problem.message
    assert problem.fix
    assert problem.where.line == 1


class Refusing(NoSources):
    def remote(self, url: str) -> bytes | None:
        raise SourceError("the host evil.test is not allowed", "Ask for it in the settings.")


def test_a_refusal_of_the_port_is_told_with_its_fix() -> None:
    found = refused(f"include: 'https://evil.test/a.yml'{JOB}", sources=Refusing()).problems[0]
    assert "evil.test is not allowed" in found.message
    assert found.fix == "Ask for it in the settings."


@pytest.mark.parametrize(
    ("include", "rule"),
    [
        ("{remote: 'file:///etc/passwd.yml'}", "include-remote"),
        ("{remote: 'https://example.test/a.txt'}", "include-remote"),
        ("{remote: 'https://example.test/a.yml', integrity: md5-x}", "include-integrity"),
        ("{local: 'file:///etc/passwd.yml'}", "include-local"),
        ("{local: ''}", "local"),
        ("{template: ../a.yml}", "include-template"),
        ("{project: '../g', file: a.yml}", "include-project"),
        ("{project: g p, file: a.yml}", "include-project"),
        ("{project: g/p, file: ../../a.yml}", "include-project"),
        ("{project: g/p, file: a.txt}", "include-project"),
        ("{component: 'h/p@1'}", "include-component"),
        ("{component: 'https://h/g/p/n@1'}", "include-component"),
    ],
)
def test_addresses_that_lead_nowhere_are_refused_before_anyone_is_asked(
    include: str, rule: str
) -> None:
    class Never(MemorySources):
        def project(self, path: str, ref: str) -> MemoryFiles | None:
            return MemoryFiles({"a.yml": b"x"})

        def remote(self, url: str) -> bytes | None:
            raise AssertionError(url)

        def template(self, name: str) -> bytes | None:
            raise AssertionError(name)

    assert refused(f"include: [{include}]{JOB}", sources=Never()).problems[0].rule == rule


def test_a_project_is_asked_once() -> None:
    asked: list[str] = []

    class Counting(NoSources):
        def project(self, path: str, ref: str) -> MemoryFiles | None:
            asked.append(path)
            return MemoryFiles({"a.yml": b"a: {script: [x]}", "b.yml": b"b: {script: [x]}"})

    text = """
    include:
      - {project: g/p, file: [a.yml, b.yml]}
      - {project: g/p, file: a.yml}
    """
    assert set(planned(text, sources=Counting()).jobs) == {"a", "b"}
    assert asked == ["g/p"]


def test_lines_name_the_place_of_the_file() -> None:
    sources = MemorySources(projects={"g/p@v1": files(a_yml="job:\n  script: [x]\n  retry: 9\n")})
    problem = refused("include: [{project: g/p, ref: v1, file: a.yml}]", sources=sources).problems[
        0
    ]
    assert str(problem.where) == "g/p@v1:a.yml:3"


def test_a_component_looks_into_its_own_project() -> None:
    component = Component(b"include: /shared.yml\n", files(shared_yml="job: {script: [x]}"), "n")
    sources = MemorySources(components={"h/g/p/n@~latest": component})
    assert list(loaded("include: [{component: h/g/p/n@~latest}]", sources=sources).jobs) == ["job"]


def test_a_circle_over_projects_is_drawn() -> None:
    inner = files(a_yml="include: [{project: g/p, file: a.yml}]")
    sources = MemorySources(projects={"g/p": inner})
    problem = refused("include: [{project: g/p, file: a.yml}]", sources=sources).problems[0]
    assert problem.rule == "include-cycle"
    assert "g/p@HEAD:a.yml → g/p@HEAD:a.yml" in problem.message


def test_the_limit_of_files_holds_for_all_kinds_together() -> None:
    texts = {f"https://example.test/{n}.yml": b".a: {}" for n in range(151)}
    text = "include:\n" + "".join(f"  - {url}\n" for url in texts) + JOB
    assert refused(text, sources=MemorySources(remotes=texts)).problems[0].rule == "include-limit"


def test_what_differs_from_a_ref_that_nobody_knows_counts_as_changed() -> None:
    text = "job: {script: [x], rules: [{changes: {paths: [a], compare_to: other}}]}"
    decision = planned(text, sources=NoSources()).jobs["job"].decision
    assert "not known" in decision.judged[0].clauses[0].because
