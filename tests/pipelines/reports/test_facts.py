from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from idp.common.errors import Clash, Forbidden, Invalid, NotVisible
from pipelines.reports import facts, models, services
from pipelines.reports.facts import Comparison, Facts, Failure
from pipelines.reports.models import Report
from rbac.actors import Actor
from rbac.models import AuditRecord
from tests.pipelines.reports.making import BRANCH, MAIN, NEXT, diff, junit, lcov, sarif
from tests.rbac.factories import Characters

Send = Callable[..., Report]


def names(rows: Sequence[Failure]) -> set[str]:
    return {row.case.name for row in rows}


def compared(people: Characters, commit: str = BRANCH) -> Comparison:
    return facts.compare(people.project, commit)


def test_nothing_reported_is_nothing_known(people: Characters) -> None:
    found = facts.facts_of(people.project, MAIN)
    assert found == Facts(MAIN, None, None, None, None, None)


def test_a_branch_is_compared_with_its_target(people: Characters, send: Send) -> None:
    send(junit(stays="passed", breaks="passed", broken="failed", mended="failed"))
    send(
        junit(stays="passed", breaks="failed", broken="failed", mended="passed", fresh="error"),
        BRANCH,
        ref="fix",
    )
    found = compared(people)
    assert names(found.new_failures) == {"breaks", "fresh"}
    assert names(found.known_failures) == {"broken"}
    assert names(found.fixed) == {"mended"}
    tests = found.facts.tests
    assert tests is not None
    assert (tests.total, tests.passed, tests.failed, tests.blocking) == (5, 2, 3, 3)
    assert found.new_failures[0].message in {"no", "broke"}


def test_what_fails_on_main_too_is_told_as_main_stands_now(people: Characters, send: Send) -> None:
    send(junit(adds="passed"))
    send(junit(adds="failed"), BRANCH, ref="fix")
    assert names(compared(people).new_failures) == {"adds"}
    send(junit(adds="failed"), NEXT)
    assert names(compared(people).known_failures) == {"adds"}


def test_a_commit_of_the_target_is_compared_with_the_one_before(
    people: Characters, send: Send
) -> None:
    send(junit(a="passed", b="failed"))
    send(junit(a="failed", b="passed"), NEXT)
    send(junit(a="passed", b="passed"), "d" * 40)
    found = compared(people, NEXT)
    assert (names(found.new_failures), names(found.fixed)) == ({"a"}, {"b"})


def test_a_retry_that_fails_again_is_a_failure_and_one_that_passes_is_flaky(
    people: Characters, send: Send
) -> None:
    send(junit(a="failed", b="failed", c="passed"), BRANCH, ref="fix")
    send(junit(a="failed", b="passed", c="failed"), BRANCH, ref="fix")
    found = compared(people)
    assert names(found.new_failures) == {"a", "c"}
    assert names(found.flaky) == {"b", "c"}


def test_a_flaky_test_hides_no_real_failure(people: Characters, send: Send) -> None:
    send(junit(adds="failed"))
    send(junit(adds="passed"))
    assert models.TestCase.objects.get().flaky_at is not None
    send(junit(adds="failed"), BRANCH, ref="fix")
    found = compared(people)
    assert names(found.new_failures) == {"adds"}
    assert found.facts.tests is not None
    assert found.facts.tests.blocking == 1


def test_one_red_job_of_a_matrix_is_red(people: Characters, send: Send) -> None:
    send(junit(adds="failed"), BRANCH, ref="fix", name="py3.11")
    send(junit(adds="passed"), BRANCH, ref="fix", name="py3.12")
    found = compared(people)
    assert names(found.new_failures) == {"adds"}
    assert not found.flaky


def test_coverage_is_summed_and_set_beside_the_targets(people: Characters, send: Send) -> None:
    send(lcov("a.py", l1=1, l2=1), name="unit")
    send(lcov("a.py", l1=1, l2=0, l3=0, l4=0), BRANCH, ref="fix", name="unit")
    found = compared(people).facts.coverage
    assert found is not None
    assert (found.lines, found.covered, found.percent, found.target_percent) == (4, 1, 25, 100)


def test_changed_lines_are_looked_up_in_the_coverage(people: Characters, send: Send) -> None:
    send(lcov("src/a.py", l2=1, l3=0, l4=1, l9=0), BRANCH, ref="fix")
    assert compared(people).facts.changed is None
    send(diff("src/a.py", 2, 4), BRANCH, ref="fix")
    found = compared(people).facts.changed
    assert found is not None
    assert (found.lines, found.covered, found.percent) == (3, 2, 66.66)
    assert found.uncovered == {"src/a.py": [3]}


@pytest.mark.parametrize(
    ("reported", "known"),
    [
        ("api/src/com/acme/Cart.java", True),
        ("com/acme/Cart.java", True),
        ("/work/x/api/src/com/acme/Cart.java", True),
        ("acme/other/Cart.java", False),
        ("Cart.javax", False),
    ],
)
def test_files_match_by_their_end(
    people: Characters, send: Send, *, reported: str, known: bool
) -> None:
    send(lcov(reported, l1=1), BRANCH, ref="fix")
    send(diff("api/src/com/acme/Cart.java", 1, 1), BRANCH, ref="fix")
    found = compared(people).facts.changed
    assert found is not None
    assert found.lines == int(known)


def test_an_end_that_fits_two_files_fits_none(people: Characters, send: Send) -> None:
    send(lcov("Cart.java", l1=1), BRANCH, ref="fix")
    both = diff("a/Cart.java", 1, 1) + diff("b/Cart.java", 1, 1)
    send(both, BRANCH, ref="fix")
    found = compared(people).facts.changed
    assert found is not None
    assert found.lines == 0


def test_new_findings_are_those_that_the_target_lacks(people: Characters, send: Send) -> None:
    send(sarif("OLD", "GONE"))
    send(sarif("OLD", "NEW"), BRANCH, ref="fix")
    found = compared(people)
    assert [one.rule for one in found.new_findings] == ["NEW"]
    counted = found.facts.findings
    assert counted is not None
    assert (counted.total, counted.new) == (2, 1)
    assert counted.new_by_severity is not None
    assert counted.new_by_severity["high"] == 1


def test_new_findings_are_unknown_without_a_report_of_the_target(
    people: Characters, send: Send
) -> None:
    send(sarif("R"), BRANCH, ref="fix")
    counted = compared(people).facts.findings
    assert counted is not None
    assert (counted.total, counted.new, counted.new_by_severity) == (1, None, None)


def test_schema_compatibility_is_a_fact(people: Characters, send: Send) -> None:
    send('{"allowed": true, "matrix": []}', name="staging")
    assert facts.facts_of(people.project, MAIN).compatible is True
    send('{"allowed": false, "matrix": [], "sentence": "No."}', name="production")
    assert facts.facts_of(people.project, MAIN).compatible is False


# -- quarantine ---------------------------------------------------------------------------------


@pytest.fixture
def case(send: Send) -> models.TestCase:
    send(junit(adds="failed"), BRANCH, ref="fix")
    return models.TestCase.objects.get()


def put(people: Characters, case: models.TestCase, days: float = 7, **more: Any) -> Any:
    end = timezone.now() + timedelta(days=days)
    given = {"reason": "Clock", "ends_at": end, **more}
    return services.quarantine(Actor(people.qa), case, **given)


def test_a_quarantined_test_still_counts_and_does_not_block(
    people: Characters, case: models.TestCase
) -> None:
    row = put(people, case)
    assert row.owner == people.project.team
    tests = compared(people).facts.tests
    assert tests is not None
    assert (tests.failed, tests.new_failures, tests.quarantined, tests.blocking) == (1, 1, 1, 0)
    record = AuditRecord.objects.get(action="test.quarantine")
    assert record.after["reason"] == "Clock"


def test_a_quarantine_that_ran_out_blocks_again(people: Characters, case: models.TestCase) -> None:
    put(people, case, days=1)
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        tests = compared(people).facts.tests
        assert tests is not None
        assert tests.blocking == 1
        put(people, case)
    assert case.quarantines.count() == 2


def test_a_quarantine_can_be_ended(people: Characters, case: models.TestCase) -> None:
    put(people, case)
    with pytest.raises(Clash, match="in quarantine until"):
        put(people, case)
    services.release(Actor(people.qa), case)
    tests = compared(people).facts.tests
    assert tests is not None
    assert tests.blocking == 1
    with pytest.raises(Invalid, match="in no quarantine"):
        services.release(Actor(people.qa), case)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"days": 31}, "ends_at"),
        ({"days": -1}, "ends_at"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ],
)
def test_a_quarantine_has_a_reason_and_an_end(
    people: Characters, case: models.TestCase, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        put(people, case, **more)
    assert refused.value.errors[0].field == field


@pytest.mark.parametrize(
    ("character", "error"),
    [("developer", Forbidden), ("viewer", Forbidden), ("stranger", NotVisible)],
)
def test_who_may_not_quarantine(
    people: Characters, case: models.TestCase, character: str, error: type
) -> None:
    actor = Actor(getattr(people, character))
    end = timezone.now() + timedelta(days=1)
    with pytest.raises(error):
        services.quarantine(actor, case, reason="x", ends_at=end)
    with pytest.raises(error):
        services.release(actor, case)
