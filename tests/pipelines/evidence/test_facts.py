"""Each fact: its value, what is said where there is none, and that it is read in bulk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from pipelines.deploys.models import Bundle
from pipelines.evidence import judging, registry
from pipelines.evidence.registry import Type
from pipelines.reports import models, services
from pipelines.reports.models import Report
from pipelines.runs.models import Job, Pipeline
from rbac.actors import Actor
from tests.pipelines.deploys.factories import make_bundle
from tests.pipelines.evidence.making import case, read, rule
from tests.pipelines.reports.making import BRANCH, MAIN, diff, junit, lcov, sarif
from tests.pipelines.runs.factories import make_job, make_pipeline
from tests.rbac.factories import Characters

Send = Callable[..., Report]
ALLOWED = '{"allowed": true, "matrix": []}'


def test_tests(people: Characters, send: Send) -> None:
    send(junit(a="passed", b="failed", c="passed"))
    send(junit(a="passed", b="failed", c="failed", d="flaky", e="skipped"), BRANCH, ref="fix")
    of = case(people.project, BRANCH)
    names = ("total", "failed", "new_failed", "blocking", "flaky", "quarantined", "skipped")
    assert [read(of, f"tests.{name}") for name in names] == [5, 2, 1, 2, 1, 0, 1]


def test_what_lacks_is_said_with_the_job_that_brought_it_last(
    people: Characters, send: Send
) -> None:
    of = case(people.project, BRANCH)
    assert read(of, "tests.failed") == (
        "No tests report of bbbbbbbb came in. Let a job hand it in: artifacts: reports: junit,"
        " or send it by `curl` from any CI."
    )
    assert "reports: sarif, codequality or cyclonedx" in read(of, "findings.high")
    send(junit(a="passed"), MAIN, job="unit")
    assert "The last one came by the job “unit” of aaaaaaaa" in read(of, "tests.failed")
    for name in ("coverage.line", "coverage.changed", "findings.high", "schemas.compatible"):
        assert "came in." in read(of, name)


def test_coverage(people: Characters, send: Send) -> None:
    of = case(people.project, BRANCH)
    send(lcov("src/a.py", l2=1, l3=0, l4=1, l9=0), BRANCH, ref="fix")
    assert read(of, "coverage.line") == 50.0
    assert "the diff" in read(of, "coverage.changed")
    send(diff("src/a.py", 2, 4), BRANCH, ref="fix")
    assert read(of, "coverage.changed") == 66.66
    send(diff("README.md", 1, 1), BRANCH, ref="fix")
    assert read(of, "coverage.changed") == 100.0


def test_findings(people: Characters, send: Send) -> None:
    of = case(people.project, BRANCH)
    send(sarif("a", "b"), BRANCH, ref="fix")
    assert read(of, "findings.total") == 2
    assert (read(of, "findings.high"), read(of, "findings.critical")) == (2, 0)
    assert "to compare with" in read(of, "findings.new")
    send(sarif("a"), MAIN)
    assert (read(of, "findings.new"), read(of, "findings.new_high")) == (1, 1)


def test_queries_do_not_grow_with_the_cases(
    people: Characters, send: Send, django_assert_max_num_queries: Any
) -> None:
    hashes = [f"{number:x}" * 40 for number in range(1, 10)]
    for sha in hashes:
        send(junit(a="passed", b="failed"), sha)
        send(lcov("src/a.py", l1=1), sha)
        send(sarif("a"), sha)
    cases = [case(people.project, sha) for sha in hashes]
    wanted = [one.name for one in registry.catalogue()]
    with django_assert_max_num_queries(30):
        registry.read_all(cases, wanted)


def test_schemas(people: Characters, send: Send) -> None:
    send(ALLOWED, BRANCH, ref="fix", kind="compatibility")
    assert read(case(people.project, BRANCH), "schemas.compatible") is True


def test_pipelines(people: Characters) -> None:
    now = timezone.now()
    of = case(people.project, MAIN, now)
    assert "No pipeline ran" in read(of, "pipeline.status")
    end = now - timedelta(hours=3)
    begin = end - timedelta(seconds=90)
    row = make_pipeline(people.project, sha=MAIN, started_at=begin, finished_at=end)
    make_job(row, "lint", status=Job.Status.FAILED, allowed=True)
    assert read(of, "pipeline.status") == "success"
    assert read(of, "pipeline.failed_jobs") == 0
    assert (read(of, "pipeline.age_hours"), read(of, "pipeline.duration_seconds")) == (3.0, 90.0)
    assert read(of, "pipeline.protected") is True
    newer = make_pipeline(
        people.project, sha=MAIN, ref="fix", status=Pipeline.Status.RUNNING, finished_at=None
    )
    make_job(newer, "unit", status=Job.Status.FAILED)
    assert (read(of, "pipeline.status"), read(of, "pipeline.failed_jobs")) == ("running", 1)
    assert read(of, "pipeline.protected") is False
    assert "has not ended. Wait" in read(of, "pipeline.age_hours")
    bundle = make_bundle(people.project, sha=MAIN, pipeline=row)
    built = case(people.project, MAIN, now, bundle=bundle)
    assert read(built, "pipeline.status") == "success", "the one that built it"


def test_bundles(people: Characters) -> None:
    now = timezone.now()
    assert "slipway deploy makes one" in read(case(people.project, MAIN), "bundle.protected")
    content = {"images": {"web": "x"}, "migrations": {"orders/main": 4}}
    bundle = make_bundle(
        people.project, sha=MAIN, content=content, created_at=now - timedelta(hours=26)
    )
    of = case(people.project, MAIN, now, bundle=bundle)
    assert read(of, "bundle.age_hours") == 26.0
    assert (read(of, "bundle.protected"), read(of, "bundle.ref")) == (True, "main")
    assert (read(of, "bundle.commit"), read(of, "bundle.author")) == (MAIN, "Dana")
    assert read(of, "bundle.migrations") == 1
    assert "Nothing here checks signatures." in read(of, "images.signed")
    assert "Promote it." in read(of, "approvals.given")
    assert "Promote it." in read(of, "deploy.tier")
    Bundle.objects.update(author="")
    bundle.refresh_from_db()
    assert "not known" in read(of, "bundle.author")


@pytest.mark.parametrize(
    ("at", "weekday", "hour", "business"),
    [
        (datetime(2026, 11, 27, 16, 59, tzinfo=UTC), 5, 16, True),
        (datetime(2026, 11, 27, 17, 0, tzinfo=UTC), 5, 17, False),
        (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), 6, 12, False),
        (datetime.fromisoformat("2026-11-30T10:30:00+02:00"), 1, 8, False),
    ],
)
def test_the_calendar(
    people: Characters, at: datetime, weekday: int, hour: int, *, business: bool
) -> None:
    of = case(people.project, MAIN, at)
    names = ("weekday", "hour", "business_hours")
    assert [read(of, f"calendar.{name}") for name in names] == [weekday, hour, business]


def test_what_cannot_be_read_is_not_known(
    people: Characters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_facts", dict(registry._facts))
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))

    def broken(*_: Any) -> Any:
        raise RuntimeError

    registry.register_source("broken", broken)
    for name, reader, source in (("a", lambda _c, found: found, "broken"), ("b", broken, "")):
        registry.register_evidence(
            f"broken.{name}", Type.NUMBER, "Broken.", reader, example=1, source=source
        )
        assert "could not be read" in read(case(people.project, MAIN), f"broken.{name}")


class TestAFlakyTestThatHidesARealFailure:
    """`pay` is known to be flaky and in quarantine. This commit breaks it: it never passes."""

    @pytest.fixture(autouse=True)
    def _quarantined(self, people: Characters, send: Send) -> None:
        send(junit(pay="failed", cart="passed"))
        send(junit(pay="passed", cart="passed"))
        services.quarantine(
            Actor(people.qa),
            models.TestCase.objects.get(name="pay"),
            reason="It races.",
            ends_at=timezone.now() + timedelta(days=3),
        )

    def clauses(self, people: Characters, condition: str) -> list[str]:
        held = rule(people.scope, condition)
        (verdicts,) = judging.judged([held], [case(people.project, BRANCH)])
        return [one.outcome for one in verdicts[0].clauses]

    def test_the_naive_rule_lets_it_pass(self, people: Characters, send: Send) -> None:
        send(junit(pay="failed", cart="passed"), BRANCH, ref="fix")
        send(junit(pay="failed", cart="passed"), BRANCH, ref="fix")
        assert self.clauses(people, "tests.blocking == 0") == ["pass"]

    def test_ours_does_not(self, people: Characters, send: Send) -> None:
        send(junit(pay="failed", cart="passed"), BRANCH, ref="fix")
        send(junit(pay="failed", cart="passed"), BRANCH, ref="fix")
        said = self.clauses(people, "tests.failed == 0 && tests.new_failed == 0")
        assert said == ["refuse", "refuse"]

    def test_what_passed_once_is_excused(self, people: Characters, send: Send) -> None:
        send(junit(pay="passed", cart="passed"), BRANCH, ref="fix")
        send(junit(pay="failed", cart="passed"), BRANCH, ref="fix")
        assert self.clauses(people, "tests.failed == 0 && tests.flaky == 1") == ["pass", "pass"]

    def test_another_job_of_a_matrix_proves_nothing(self, people: Characters, send: Send) -> None:
        send(junit(pay="passed", cart="passed"), BRANCH, ref="fix", name="a")
        send(junit(pay="failed", cart="passed"), BRANCH, ref="fix", name="b")
        assert self.clauses(people, "tests.failed == 0") == ["refuse"]
