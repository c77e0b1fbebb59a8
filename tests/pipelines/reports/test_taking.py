from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from idp.common.errors import Forbidden, Invalid, NotVisible
from pipelines.reports import models, services
from pipelines.reports.formats.base import ReportRefused
from pipelines.reports.models import Report
from pipelines.reports.services import Upload
from portal.models import Component
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.pipelines.reports.making import BRANCH, MAIN, junit, lcov, sarif, upload
from tests.rbac.factories import Characters

Send = Callable[..., Report]


def test_a_report_is_summed_up_and_its_cases_are_kept(send: Send, component: Component) -> None:
    row = send(junit(adds="passed", ships="failed", later="skipped"), component="orders-api")
    assert row.kind == "junit"
    assert row.component == component
    assert row.summary == {
        "total": 3,
        "passed": 1,
        "failed": 1,
        "errors": 0,
        "skipped": 1,
        "flaky": 0,
        "seconds": 3.0,
        "left_out": 0,
    }
    ships = models.TestCase.objects.get(name="ships")
    assert (ships.runs, ships.failures, ships.outcome) == (1, 1, "failed")
    assert ships.owner == component.owner
    result = ships.results.get()
    assert (result.message, result.details) == ("no", "trace")


def test_the_same_again_answers_the_report_that_is_there(people: Characters) -> None:
    def take(name: str) -> tuple[Report, bool]:
        what = Upload(MAIN, "main", name=name)
        stream = io.BytesIO(junit(adds="passed").encode())
        return services.take(Actor(people.developer), people.project, what, stream)

    first, fresh = take("")
    again, known = take("")
    other, third = take("py3.12")
    assert (fresh, known, third) == (True, False, True)
    assert first == again != other
    assert models.TestCase.objects.get().runs == 2


@pytest.mark.parametrize(
    ("character", "error"),
    [("stranger", NotVisible), ("viewer", Forbidden), ("qa", Forbidden), ("auditor", Forbidden)],
)
def test_who_may_not_uploads_nothing(people: Characters, character: str, error: type) -> None:
    actor = Actor(getattr(people, character))
    with pytest.raises(error):
        upload(actor, people.project, junit(adds="passed"))
    assert not Report.objects.exists()
    assert AuditRecord.objects.filter(action="report.upload", outcome="denied").count() == 1


@pytest.mark.parametrize("character", ["developer", "deployer", "maintainer", "administrator"])
def test_who_may_uploads(people: Characters, character: str) -> None:
    actor = Actor(getattr(people, character))
    assert upload(actor, people.project, junit(adds="passed")).uploaded_by == actor.user


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"commit": "HEAD"}, "commit"),
        ({"commit": "a" * 39}, "commit"),
        ({"commit": "a" * 40 + "; rm -rf /"}, "commit"),
        ({"ref": ""}, "ref"),
        ({"ref": "x" * 300}, "ref"),
        ({"ref": "a\nb"}, "ref"),
        ({"name": "a\0b"}, "name"),
        ({"component": "absent"}, "component"),
        ({"kind": "trx"}, "kind"),
    ],
)
def test_wrong_fields_are_named(send: Send, more: dict[str, Any], field: str) -> None:
    given = {"commit": MAIN, "ref": "main", **more}
    with pytest.raises(Invalid) as refused:
        send(junit(adds="passed"), given.pop("commit"), given.pop("ref"), **given)
    assert [one.field for one in refused.value.errors] == [field]
    assert not Report.objects.exists()


def test_a_component_of_another_project_is_unknown(send: Send, people: Characters) -> None:
    from tests.rbac.factories import make_project  # noqa: PLC0415

    other = make_project("payments")
    Component.objects.create(name="payments-api", project=other, owner=other.team)
    with pytest.raises(Invalid, match="has no component 'payments-api'"):
        send(junit(adds="passed"), component="payments-api")


def test_a_report_that_is_refused_leaves_nothing(send: Send) -> None:
    with pytest.raises(ReportRefused):
        send("<testsuite><testcase name='a' file='../x'/></testsuite>")
    assert not Report.objects.exists()
    assert not models.TestCase.objects.exists()


def test_the_target_is_the_projects_last_one(send: Send) -> None:
    assert send(junit(a="passed"), ref="master").target == "master"
    assert send(junit(a="passed"), BRANCH, ref="refs/heads/fix").target == "master"
    assert send(junit(b="passed"), BRANCH, ref="fix", target="release").target == "release"


def test_coverage_keeps_files_and_findings_their_fingerprints(send: Send) -> None:
    covered = send(lcov("src/a.py", l1=1, l2=0, l3=1))
    assert covered.summary["percent"] == 66.66
    assert covered.files.get().path == "src/a.py"
    found = send(sarif("R1", "R2"))
    assert found.summary["by_severity"]["high"] == 2
    assert found.findings.count() == 2


def test_values_of_dotenv_are_not_kept(send: Send) -> None:
    row = send("TOKEN=s3cret\n", kind="dotenv")
    assert row.summary == {"names": ["TOKEN"]}
    assert b"s3cret" not in bytes(row.payload)


def test_durations_are_those_of_runs_that_passed(send: Send) -> None:
    for number in range(25):
        outcome = "failed" if number == 24 else "passed"
        send(junit(seconds=number, adds=outcome), f"{number:040x}")
    row = models.TestCase.objects.get()
    assert row.durations == [float(n) for n in range(4, 24)]
    assert (row.median, row.p95, row.runs, row.failures) == (14.0, 23.0, 25, 1)


def test_failing_since_begins_and_ends_with_the_target_branch(send: Send) -> None:
    def since() -> object:
        return models.TestCase.objects.get().failing_since

    send(junit(adds="passed"), MAIN)
    send(junit(adds="failed"), BRANCH, ref="fix", target="main")
    assert since() is None
    send(junit(adds="failed"), "d" * 40)
    began = since()
    assert began is not None
    send(junit(adds="error"), "e" * 40)
    assert since() == began
    send(junit(adds="skipped"), "f" * 40)
    assert since() == began
    send(junit(adds="passed"), "9" * 40)
    assert since() is None


def test_flaky_is_passed_and_failed_on_one_commit(send: Send) -> None:
    def flaky() -> int:
        return models.TestCase.objects.get().flaky_count

    send(junit(adds="failed"))
    assert flaky() == 0
    send(junit(adds="passed"))
    assert flaky() == 1
    send(junit(adds="failed"), BRANCH)
    assert flaky() == 1


def test_a_rerun_inside_a_report_is_flaky(send: Send) -> None:
    row = send(junit(adds="flaky"))
    assert row.summary["flaky"] == 1
    assert models.TestCase.objects.get().flaky_at == row.created_at


def test_jobs_of_a_matrix_do_not_make_each_other_flaky(send: Send) -> None:
    send(junit(adds="failed"), name="py3.11")
    send(junit(adds="passed"), name="py3.12")
    row = models.TestCase.objects.get()
    assert row.flaky_at is None
    assert row.outcome == "failed"
    assert row.failing_since is not None


def test_thousands_of_cases_are_written_in_few_statements(
    send: Send, django_assert_max_num_queries: Any
) -> None:
    many = {f"t{number}": "passed" for number in range(1200)}
    with django_assert_max_num_queries(60):
        send(junit(**many))
    assert models.TestResult.objects.count() == 1200
    with django_assert_max_num_queries(60):
        send(junit(**many), BRANCH)
    assert models.TestCase.objects.count() == 1200
