"""The gate on a bundle's way: what blocks, what wakes it, and who lets a rule past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from environments.models import Environment
from environments.services.edits import Options
from idp.changes import services as changes
from idp.changes.gates import Outcome
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.common.errors import Forbidden
from pipelines.deploys import services
from pipelines.evidence import gate, previewing
from pipelines.evidence.models import EvidenceRule
from pipelines.runs.models import Pipeline
from pipelines.runs.services import telling
from rbac.actors import Actor
from tests.pipelines.deploys.conftest import Places
from tests.pipelines.deploys.factories import make_bundle
from tests.pipelines.evidence.making import promoted, rule
from tests.pipelines.reports.making import junit, upload
from tests.pipelines.runs.factories import make_pipeline
from tests.support.changes import run_until_settled

ALONE = Options(interactive=False)
PLAN = Plan()


def asked(change: Change) -> dict[str, Any]:
    change.refresh_from_db()
    return next(one for one in change.gates if one["gate"] == "evidence")


@pytest.fixture
def development(places: Places) -> Environment:
    return places.make("development")


@pytest.fixture
def green(places: Places, development: Environment) -> EvidenceRule:
    return rule(places.world.project.scope, "tests.failed == 0 && tests.total > 0")


def waiting(places: Places, to: Environment) -> Change:
    made = services.promote(places.lead, places.bundle(), to, options=ALONE)
    change = run_until_settled(made.change)
    assert change.state == Change.State.WAITING, change.reason
    return change


def report(places: Places, **tests: str) -> None:
    upload(places.dana, places.world.project, junit(**tests), places.sha)


def test_it_waits_for_what_is_not_known_and_a_report_wakes_it(
    places: Places,
    development: Environment,
    green: EvidenceRule,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    change = waiting(places, development)
    said = asked(change)
    assert (said["outcome"], said["rule"]) == ("wait", "green")
    assert "2 clauses do not hold: tests.failed == 0 (tests.failed is not known)" in change.reason
    first, second = said["clauses"]
    assert (first["text"], second["text"]) == ("tests.failed == 0", "tests.total > 0")
    assert "No tests report of" in first["facts"][0]["unknown"]
    assert first["fix"] == "Mend it."
    sent: list[int] = []
    with monkeypatch.context() as patch, django_capture_on_commit_callbacks(execute=True):
        patch.setattr("idp.changes.services.rows.send", lambda row: sent.append(row.pk))
        report(places, a="failed")
    assert sent == [change.pk], "the report has the gates asked again"
    change = run_until_settled(change)
    assert asked(change)["outcome"] == "refuse"
    assert "tests.failed == 0 (tests.failed is 1)" in change.reason
    report(places, a="passed")
    change = run_until_settled(change)
    assert change.state == Change.State.SUCCEEDED, change.reason
    assert asked(change)["sentence"] == "2 clauses of 1 rule judged."


def test_the_end_of_a_pipeline_wakes_it(
    places: Places,
    development: Environment,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    rule(places.world.project.scope, 'pipeline.status == "success"')
    change = waiting(places, development)
    sent: list[int] = []
    monkeypatch.setattr("idp.changes.services.rows.send", lambda row: sent.append(row.pk))
    row = make_pipeline(places.world.project, sha=places.sha, status=Pipeline.Status.RUNNING)
    with django_capture_on_commit_callbacks(execute=True):
        telling.tell(row)
    assert sent == []
    row.status = Pipeline.Status.SUCCESS
    with django_capture_on_commit_callbacks(execute=True):
        telling.tell(row)
    assert sent == [change.pk]


def test_a_waiver_lets_one_rule_past_and_only_another_person_gives_it(
    places: Places, development: Environment, green: EvidenceRule
) -> None:
    rule(places.world.project.scope, "tests.total > 1", "enough")
    report(places, a="failed")
    change = waiting(places, development)
    leave = asked(change)["leave"]
    assert [one["about"] for one in leave] == [
        "rule enough (version 1) for orders bundle 1",
        "rule green (version 1) for orders bundle 1",
    ]
    until = timezone.now() + timedelta(days=1)
    about = [(leave[1]["scope"], leave[1]["about"])]
    (waiver,) = changes.ask_leave(
        places.lead, change, gate="evidence", reason="Known", ends_at=until, about=about
    )
    with pytest.raises(Forbidden):
        changes.grant_waiver(places.lead, waiver)
    second = Actor(places.world.people.administrator)
    changes.grant_waiver(second, waiver)
    change = run_until_settled(change)
    said = asked(change)
    assert (said["outcome"], said["rule"]) == ("refuse", "enough")
    notes = {one["text"]: one["note"] for one in said["clauses"]}
    assert "let past by" in notes["tests.failed == 0"]
    report(places, a="failed", b="passed")
    change = run_until_settled(change)
    assert change.state == Change.State.SUCCEEDED, change.reason


class TestRows:
    """The gate's answer to changes that nobody runs."""

    @pytest.fixture
    def production(self, places: Places) -> Environment:
        return places.make("production")

    def answer(self, places: Places, to: Environment) -> Any:
        bundle = places.world.project.bundles.first() or make_bundle(
            places.world.project, sha=places.sha
        )
        made = promoted(bundle, to, places.world.people.developer)
        return gate.check(Change.objects.get(pk=made.change_id), PLAN)

    def test_tiers_differ(
        self, places: Places, development: Environment, production: Environment
    ) -> None:
        here = places.world.people.tier("production")
        rule(here, "tests.failed == 0")
        report(places, a="failed")
        assert self.answer(places, development).outcome is Outcome.PASS
        assert self.answer(places, production).outcome is Outcome.REFUSE

    def test_what_moves_by_itself_waits(self, places: Places, development: Environment) -> None:
        rule(places.world.project.scope, "approvals.given >= 1 && calendar.hour >= 0")
        found = self.answer(places, development)
        assert [one.outcome for one in found.clauses] == [Outcome.WAIT, Outcome.PASS]
        assert found.outcome is Outcome.WAIT

    def test_what_only_tells_stops_nothing(self, places: Places, development: Environment) -> None:
        rule(development.scope, "tests.failed == 0", severity="tells")
        rule(development.scope, "true", "off", active=False)
        report(places, a="failed")
        found = self.answer(places, development)
        assert (found.outcome, len(found.clauses)) == (Outcome.PASS, 1)
        assert found.sentence.endswith("Only told: tests.failed == 0 (tests.failed is 1).")
        assert found.clauses[0].note == "only tells"

    def test_no_bundle_no_rule(self, places: Places, development: Environment) -> None:
        assert self.answer(places, development).sentence == "No rule asks for evidence here."
        change = Change.objects.filter(scope=development.scope).earliest("pk")
        assert gate.check(change, PLAN).sentence == "It brings out no bundle."

    def test_a_rule_of_a_fact_that_is_gone_blocks(
        self, places: Places, development: Environment
    ) -> None:
        rule(development.scope, "canary.errors == 0")
        found = self.answer(places, development)
        assert found.outcome is Outcome.REFUSE
        assert "mends the rule" in found.clauses[0].fix

    def test_the_preview_says_what_the_gate_says(
        self,
        places: Places,
        development: Environment,
        production: Environment,
        django_assert_max_num_queries: Any,
    ) -> None:
        condition = (
            'tests.failed == 0 && deploy.tier == "development" && calendar.hour >= 0'
            " && approvals.given == 0 && findings.high == 0 && coverage.changed >= 80"
        )
        held = rule(places.world.project.scope, condition)
        report(places, a="passed")
        bundles = [make_bundle(places.world.project, sha=places.sha)]
        bundles += [make_bundle(places.world.project, sha=f"{n}" * 40) for n in range(6)]
        for bundle in bundles:
            for place in (development, production):
                promoted(bundle, place, places.world.people.developer)
        with django_assert_max_num_queries(40):
            found = previewing.preview(places.lead, held)
        assert found.promotions == 14
        assert found.sentence.startswith("14 of the last 14 promotions would have been stopped")
        for row in found.rows:
            said = gate.check(Change.objects.get(pk=row.deployment.change_id), PLAN)
            assert said.outcome is row.outcome
            assert said.clauses == row.verdict.clauses
        assert {row.outcome for row in found.rows} == {Outcome.REFUSE, Outcome.WAIT}
        stranger = Actor(places.world.people.stranger)
        assert previewing.preview(stranger, held).promotions == 0
        here = EvidenceRule(scope=production.scope, condition="true")
        assert previewing.preview(places.lead, here).promotions == 7
