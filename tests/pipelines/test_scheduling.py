"""The scheduler: stages, needs, when, manual jobs; the same state whether told or resumed."""

from __future__ import annotations

import random

import pytest

from pipelines.engine.scheduling import ENDED, Node, Scheduler, Status, overall

S = Status


def states(scheduler: Scheduler) -> dict[str, str]:
    return {name: str(status) for name, status in scheduler.status.items()}


def began(*nodes: Node, **ends: Status) -> Scheduler:
    """A scheduler that has been told these ends, each as soon as the job may run."""
    scheduler = Scheduler(nodes)
    scheduler.advance()
    for name, status in ends.items():
        assert scheduler.status[name] is S.PENDING, name
        scheduler.put(name, status)
        scheduler.advance()
    return scheduler


class TestStages:
    def test_a_stage_waits_for_all_jobs_of_all_earlier_stages(self) -> None:
        nodes = (Node("a", 0), Node("b", 0), Node("c", 3), Node("d", 7))
        assert states(began(*nodes, a=S.SUCCESS))["c"] == "created"
        assert states(began(*nodes, a=S.SUCCESS, b=S.SUCCESS))["c"] == "pending"

    def test_a_failure_skips_what_follows_and_says_why(self) -> None:
        scheduler = Scheduler([Node("build", 0), Node("test", 1), Node("deploy", 2)])
        scheduler.advance()
        scheduler.put("build", S.FAILED)
        steps = scheduler.advance()
        assert [(one.name, one.status) for one in steps] == [
            ("test", S.SKIPPED),
            ("deploy", S.SKIPPED),
        ]
        assert [one.reason for one in steps] == [
            "“build” of an earlier stage failed",
            "“build” of an earlier stage failed",
        ]

    def test_an_allowed_failure_counts_as_success(self) -> None:
        scheduler = Scheduler([Node("lint", 0, allow_failure=True), Node("test", 1)])
        scheduler.advance()
        scheduler.put("lint", S.FAILED, allowed=True)
        scheduler.advance()
        assert scheduler.status["test"] is S.PENDING

    def test_on_failure_runs_only_after_one_and_always_runs_in_any_case(self) -> None:
        nodes = (
            Node("build", 0),
            Node("mend", 1, when="on_failure"),
            Node("tidy", 1, when="always"),
        )
        assert states(began(*nodes, build=S.SUCCESS)) | {"build": ""} == {
            "build": "",
            "mend": "skipped",
            "tidy": "pending",
        }
        assert states(began(*nodes, build=S.FAILED))["mend"] == "pending"
        assert states(began(*nodes, build=S.FAILED))["tidy"] == "pending"


class TestNeeds:
    def test_a_job_runs_once_its_needs_are_done_whatever_its_stage(self) -> None:
        scheduler = began(Node("a", 0), Node("slow", 0), Node("b", 2, needs=("a",)), a=S.SUCCESS)
        assert scheduler.status["b"] is S.PENDING

    def test_empty_needs_wait_for_nothing(self) -> None:
        assert began(Node("a", 0), Node("b", 5, needs=())).status["b"] is S.PENDING

    def test_a_skipped_need_skips(self) -> None:
        scheduler = began(
            Node("a", 0),
            Node("b", 1, needs=("a",)),
            Node("c", 2, needs=("b",)),
            Node("tell", 2, needs=("b",), when="always"),
            a=S.FAILED,
        )
        assert states(scheduler) == {
            "a": "failed", "b": "skipped", "c": "skipped", "tell": "pending",
        }  # fmt: skip

    def test_needs_that_are_not_in_the_pipeline_hold_nothing(self) -> None:
        assert began(Node("a", 0, needs=("gone",))).status["a"] is S.PENDING


class TestManual:
    def test_an_optional_one_holds_no_stage(self) -> None:
        nodes = (Node("ask", 0, when="manual", allow_failure=True), Node("b", 1))
        scheduler = began(*nodes)
        assert states(scheduler) == {"ask": "manual", "b": "pending"}
        assert overall(nodes, scheduler.status | {"b": S.SUCCESS}) is S.SUCCESS

    def test_a_blocking_one_holds_the_stages_behind_it(self) -> None:
        nodes = (Node("ask", 0, when="manual"), Node("b", 1))
        scheduler = began(*nodes)
        assert states(scheduler) == {"ask": "manual", "b": "created"}
        assert overall(nodes, scheduler.status) is S.MANUAL
        assert scheduler.held_by("b") == ["ask"]
        scheduler.put("ask", S.SUCCESS)
        scheduler.advance()
        assert scheduler.status["b"] is S.PENDING

    def test_a_run_that_nobody_watches_goes_past_it_but_not_to_what_needs_it(self) -> None:
        nodes = [Node("ask", 0, when="manual"), Node("b", 1), Node("c", 1, needs=("ask",))]
        scheduler = Scheduler(nodes, manual_blocks=False)
        scheduler.advance()
        assert states(scheduler) == {"ask": "manual", "b": "pending", "c": "created"}

    def test_what_needs_an_optional_one_is_skipped(self) -> None:
        nodes = (Node("ask", 0, when="manual", allow_failure=True), Node("b", 1, needs=("ask",)))
        assert states(began(*nodes)) == {"ask": "manual", "b": "skipped"}

    def test_a_manual_job_behind_a_failure_is_not_offered(self) -> None:
        nodes = (Node("a", 0), Node("ask", 1, when="manual"))
        assert began(*nodes, a=S.FAILED).status["ask"] is S.SKIPPED


class TestOverall:
    @pytest.mark.parametrize(
        ("statuses", "expected"),
        [
            (("success", "success"), "success"),
            (("success", "running"), "running"),
            (("failed", "running"), "running"),
            (("failed", "success"), "failed"),
            (("canceled", "success"), "canceled"),
            (("failed", "canceled"), "failed"),
            (("skipped", "success"), "success"),
            (("skipped", "skipped"), "skipped"),
            (("scheduled", "success"), "scheduled"),
            (("waiting_for_resource", "success"), "running"),
        ],
    )
    def test_by_its_jobs(self, statuses: tuple[str, str], expected: str) -> None:
        nodes = [Node("a", 0), Node("b", 0)]
        given = dict(zip("ab", map(Status, statuses), strict=True))
        assert overall(nodes, given) == expected

    def test_allowed_failures_leave_it_successful(self) -> None:
        assert overall([Node("a", 0)], {"a": S.FAILED}, frozenset({"a"})) is S.SUCCESS


@pytest.mark.parametrize("seed", range(30))
def test_a_resumed_scheduler_goes_on_as_one_that_was_told(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    nodes = []
    for number in range(60):
        stage = number // 10
        earlier = tuple(node.name for node in nodes if node.stage < stage)
        needs = None
        if earlier and dice.random() < 0.6:
            needs = tuple(dice.sample(earlier, min(3, len(earlier))))
        when = dice.choice(["on_success", "on_success", "on_success", "on_failure", "always"])
        nodes.append(Node(f"j{number}", stage, when, needs))
    told = Scheduler(nodes)
    told.advance()
    while pending := [name for name, status in told.status.items() if status is S.PENDING]:
        told.put(dice.choice(pending), dice.choice([S.SUCCESS, S.SUCCESS, S.FAILED, S.CANCELED]))
        resumed = Scheduler(nodes, dict(told.status))
        told.advance()
        resumed.advance()
        assert resumed.status == told.status
    assert set(told.status.values()) <= ENDED


def test_ten_thousand_jobs_in_a_ladder_take_as_many_steps_as_there_are_edges() -> None:
    nodes = [
        Node(
            f"{layer}.{place}",
            layer,
            needs=tuple(f"{layer - 1}.{other}" for other in range(2)) if layer else (),
        )
        for layer in range(5_000)
        for place in range(2)
    ]
    scheduler = Scheduler(nodes)
    ready = [step.name for step in scheduler.advance()]
    seen = 0
    while ready:
        seen += 1
        scheduler.put(ready.pop(), S.SUCCESS)
        ready += [step.name for step in scheduler.advance()]
    assert seen == len(nodes)
