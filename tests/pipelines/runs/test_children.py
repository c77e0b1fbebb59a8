"""Child pipelines: what they are made of, what they get, what their end means above."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from pipelines.backends import blobs
from pipelines.downstream import creating, mirroring, sweeping
from pipelines.downstream.models import Downstream
from pipelines.environs.models import JobEnvironment
from pipelines.executors.local import sources_of
from pipelines.runs import claiming, work
from pipelines.runs.models import Artifact, Job, Pipeline
from pipelines.runs.services import acting, ending
from pipelines.variables.models import Variable
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.downstreams import below, given, run_all, settle

pytestmark = pytest.mark.django_db
PARENT = "go: {trigger: {include: child.yml%s}}\nafter: {stage: deploy, script: [x]}"
CHILD = "one: {script: [x]}"


def parent(world: World, child: str = CHILD, more: str = "") -> tuple[Pipeline, Job]:
    """A pipeline whose job `go` has made a child, and the job."""
    pipeline = started(world, PARENT % more, child__yml=child)
    return pipeline, world.job(pipeline, "go")


def started(world: World, text: str, **files: str) -> Pipeline:
    world.commit(text, **files)
    pipeline = world.start_again()
    settle()
    pipeline.refresh_from_db()
    return pipeline


def test_a_child_runs_for_the_same_commit_and_the_job_has_passed_at_once(world: World) -> None:
    pipeline, job = parent(world)
    child = below(job)
    assert (job.status, job.reason) == ("success", f"It started #{child.number}.")
    assert (child.source, child.sha, child.ref) == ("parent_pipeline", pipeline.sha, "main")
    assert (child.actor, child.actor_label) == (world.people.developer, "dana.dev")
    assert world.words(child) == {"one": "pending"}
    assert given(world.job(child, "one"), "CI_PIPELINE_SOURCE") == "parent_pipeline"
    assert world.words(pipeline)["after"] == "pending"
    assert not job.attempts.exists()
    run_all(status="failed")
    pipeline.refresh_from_db()
    assert pipeline.status == "failed"  # by its own job
    assert world.job(pipeline, "go").status == "success"


def test_with_strategy_depend_the_job_goes_on_as_long_as_the_child(world: World) -> None:
    pipeline, job = parent(world, more=", strategy: depend")
    assert (job.status, pipeline.status) == ("running", "running")
    assert job.reason == f"It waits for #{below(job).number}, which is running."
    assert world.words(pipeline)["after"] == "created"
    run_all()
    assert world.words(pipeline) == {"go": "success", "after": "success"}
    pipeline.refresh_from_db()
    assert pipeline.status == "success"


@pytest.mark.parametrize("strategy", ["depend", "mirror"])
def test_a_child_that_fails_fails_the_job_that_waits(world: World, strategy: str) -> None:
    pipeline, job = parent(world, more=f", strategy: {strategy}")
    run_all(status="failed")
    pipeline.refresh_from_db()
    job.refresh_from_db()
    assert (pipeline.status, job.status) == ("failed", "failed")
    assert world.words(pipeline)["after"] == "skipped"
    assert job.reason == f"It waited for #{below(job).number}: failed."


def test_a_childs_job_that_runs_again_opens_the_job_above(world: World) -> None:
    pipeline, job = parent(world, more=", strategy: depend")
    run_all(status="failed")
    acting.retry(world.developer, world.job(below(job), "one").pk)
    settle()
    job.refresh_from_db()
    pipeline.refresh_from_db()
    assert (job.status, pipeline.status) == ("running", "running")
    assert world.words(pipeline)["after"] == "created"
    run_all()
    pipeline.refresh_from_db()
    assert pipeline.status == "success"


def test_a_retry_makes_another_child(world: World) -> None:
    pipeline, job = parent(world)
    first = below(job)
    acting.retry(world.developer, job.pk)
    settle()
    job.refresh_from_db()
    assert (job.status, job.runs) == ("success", 2)
    assert below(job) != first
    assert list(job.downstreams.order_by("run").values_list("run", flat=True)) == [1, 2]
    mirroring.work_on(first.pk)
    assert world.job(pipeline, "go").reason == f"It started #{below(job).number}."


def test_twice_is_once_and_a_lost_message_is_found_again(world: World, monkeypatch: Any) -> None:
    world.commit(PARENT % ", strategy: depend", child__yml=CHILD)
    pipeline = world.start_again()
    job = world.job(pipeline, "go")
    assert (job.status, job.reason) == ("pending", "everything before it succeeded")
    assert not job.attempts.exists()
    sent: list[tuple[str, dict[str, int]]] = []
    monkeypatch.setattr("idp.common.jobs.enqueue", lambda name, **given: sent.append((name, given)))
    assert sweeping.sweep() == 1
    assert sent == [("pipelines.trigger", {"job_id": job.pk})]
    creating.work_on(job.pk)
    creating.work_on(job.pk)
    assert Downstream.objects.count() == 1
    child = below(job)
    sent.clear()
    assert sweeping.sweep() == 0  # it is not planned
    settle()
    run_all_of(child)
    sent.clear()
    assert sweeping.sweep() == 1
    assert sent == [("pipelines.mirror", {"pipeline_id": child.pk})]


def run_all_of(child: Pipeline) -> None:
    (taken,) = claiming.take(1)
    ending.finish(taken.lease, ending.End("success"))
    child.refresh_from_db()
    assert child.status == "success"


def test_who_was_first_makes_it_where_two_looked_at_once(world: World, monkeypatch: Any) -> None:
    world.commit(PARENT % "", child__yml=CHILD)
    pipeline = world.start_again()
    job = world.job(pipeline, "go")
    wanted = creating.wanting.wanted

    def slow(seen: Job) -> Any:
        found = wanted(seen)
        monkeypatch.setattr(creating.wanting, "wanted", wanted)
        creating.work_on(seen.pk)
        return found

    monkeypatch.setattr(creating.wanting, "wanted", slow)
    creating.work_on(job.pk)
    assert Pipeline.objects.filter(source="parent_pipeline").count() == 1


def test_variables_go_down_as_forward_says(world: World) -> None:
    text = """
variables: {VERSION: "1.0"}
go:
  variables: {WHERE: "$CI_COMMIT_BRANCH", PARENT: "$CI_PIPELINE_ID"}
  trigger: {include: child.yml}
bare:
  inherit: {variables: false}
  trigger: {include: child.yml, forward: {pipeline_variables: true}}
"""
    world.commit(text, child__yml=CHILD)
    pipeline = world.start_again(variables={"GIVEN": "by hand"})
    settle()
    names = ("VERSION", "WHERE", "PARENT", "GIVEN")
    one = world.job(below(world.job(pipeline, "go")), "one")
    assert [given(one, name) for name in names] == ["1.0", "main", str(pipeline.pk), ""]
    one = world.job(below(world.job(pipeline, "bare")), "one")
    assert [given(one, name) for name in names] == ["", "", "", "by hand"]


def test_a_file_that_a_job_made(world: World, settings: Any, tmp_path: Any) -> None:
    text = """
gen: {stage: build, script: [x], artifacts: {paths: [out]}}
go: {trigger: {include: [{artifact: out/made.yml, job: gen}], strategy: depend}}
"""
    pipeline = started(world, text, more__yml="two: {script: [x]}")
    leave(world, pipeline, "out/made.yml", "include: more.yml\none: {script: [x]}")
    settle()
    assert set(world.words(below(world.job(pipeline, "go")))) == {"one", "two"}


def leave(world: World, pipeline: Pipeline, path: str, text: str) -> None:
    """The job `gen` ends and leaves a file."""
    (taken,) = claiming.take(1)
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr(path, text)
    packed.seek(0)
    digest, size = blobs.put(packed)
    Artifact.objects.create(
        attempt=taken.attempt, kind="archive", name="a", digest=digest, size=size, entries=1
    )
    ending.finish(taken.lease, ending.End("success"))


@pytest.mark.parametrize(
    ("include", "words"),
    [
        ("[{artifact: out/other.yml, job: gen}]", "is not among its artifacts"),
        ("[{artifact: out/made.yml, job: none}]", "no artifact of “none”"),
        ("[{local: nowhere.yml}]", "There is no file “nowhere.yml”"),
        ("[{project: nobody/s, file: a.yml}]", "is not there, or cannot be read"),
        ("empty.yml", "No job of #2 began: no job is in"),
        ("wrong.yml", "wrong.yml:1"),
    ],
)
def test_a_child_that_cannot_be_says_why(world: World, include: str, words: str) -> None:
    text = f"""
gen: {{stage: build, script: [x], artifacts: {{paths: [out]}}}}
go: {{trigger: {{include: {include}}}}}
"""
    files = {
        "empty__yml": "one: {script: [x], rules: [{if: $NEVER}]}",
        "wrong__yml": "one: {scrip: [x]}",
    }
    pipeline = started(world, text, **files)
    leave(world, pipeline, "out/made.yml", CHILD)
    settle()
    job = world.job(pipeline, "go")
    assert (job.status, job.failure) == ("failed", "downstream_pipeline_creation_failed")
    assert words in job.reason
    pipeline.refresh_from_db()
    assert pipeline.status == "failed"


def test_two_levels_of_children_and_no_third(world: World) -> None:
    text = "go: {trigger: {include: b.yml, strategy: depend}}"
    files = {
        "b__yml": "go: {trigger: {include: c.yml, strategy: depend}}",
        "c__yml": "go: {trigger: {include: d.yml}}",
        "d__yml": CHILD,
    }
    pipeline = started(world, text, **files)
    second = below(world.job(pipeline, "go"))
    third = below(world.job(second, "go"))
    job = world.job(third, "go")
    assert (job.status, job.failure) == ("failed", "reached_max_descendant_pipelines_depth")
    assert "d.yml" in job.reason
    pipeline.refresh_from_db()
    assert pipeline.status == "failed"


def test_a_file_that_starts_itself_is_a_circle(world: World) -> None:
    pipeline = started(world, PARENT % "", child__yml="go: {trigger: {include: child.yml}}")
    child = below(world.job(pipeline, "go"))
    job = world.job(child, "go")
    assert (job.status, job.failure) == ("failed", "pipeline_loop_detected")
    assert "child.yml" in job.reason


def test_no_more_than_the_most_pipelines_below_one(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("pipelines.downstream.hierarchy.MAX_PIPELINES", 1)
    text = "a: {trigger: {include: child.yml}}\nb: {trigger: {include: child.yml}}"
    pipeline = started(world, text, child__yml=CHILD)
    assert world.words(pipeline) == {"a": "success", "b": "failed"}
    assert world.job(pipeline, "b").failure == "reached_max_pipeline_hierarchy_size"


def test_cancelling_takes_the_children_with_it(world: World) -> None:
    pipeline, job = parent(world, "go: {trigger: {include: grandchild.yml}}\none: {script: [x]}")
    assert world.job(below(job), "go").status == "failed"  # no such file
    pipeline, job = parent(world)
    child = below(job)
    acting.cancel(world.developer, pipeline.pk)
    settle()
    child.refresh_from_db()
    assert (child.status, child.reason) == ("canceled", "Cancelled by dana.dev.")
    assert not Downstream.objects.exclude(cancel="").exists()


def test_cancelling_the_job_ends_the_child_that_it_waits_for(world: World) -> None:
    _, job = parent(world, more=", strategy: depend")
    acting.cancel_job(world.developer, job.pk)
    settle()
    job.refresh_from_db()
    assert (job.status, below(job).status) == ("canceled", "canceled")


def test_cancelling_the_child_cancels_the_job_that_waits(world: World) -> None:
    pipeline, job = parent(world, more=", strategy: depend")
    acting.cancel(world.developer, below(job).pk)
    settle()
    job.refresh_from_db()
    pipeline.refresh_from_db()
    assert (job.status, pipeline.status) == ("canceled", "canceled")


def test_a_new_commit_ends_children_as_their_own_file_says(world: World) -> None:
    text = """
a: {interruptible: true, trigger: {include: a.yml}}
b: {interruptible: true, trigger: {include: b.yml}}
"""
    files = {
        "a__yml": "one: {script: [x], interruptible: true}",
        "b__yml": "one: {script: [x], interruptible: false}",
    }
    world.commit(text, **files)
    old = world.start_again(source="push")
    settle()
    assert len(claiming.take(2)) == 2
    first, second = below(world.job(old, "a")), below(world.job(old, "b"))
    world.commit("job: {script: [x]}", other="1")
    world.start_again(source="push")
    settle()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("canceled", "running")
    assert "is newer on main" in first.reason


def test_a_trigger_job_waits_for_what_it_needs_and_takes_its_turn(world: World) -> None:
    text = """
build: {stage: build, script: [x]}
go: {needs: [build], resource_group: one, trigger: {include: child.yml, strategy: depend}}
also: {needs: [build], resource_group: one, trigger: {include: child.yml, strategy: depend}}
hand: {needs: [], trigger: {include: child.yml}, when: manual}
out: {trigger: {include: child.yml}, rules: [{if: $NEVER}]}
"""
    pipeline = started(world, text, child__yml=CHILD)
    assert world.words(pipeline) == {
        "build": "pending", "go": "created", "also": "created", "hand": "manual",
    }  # fmt: skip
    (taken,) = claiming.take(1)
    ending.finish(taken.lease, ending.End("success"))
    settle()
    assert world.words(pipeline)["go"] == "running"
    assert world.words(pipeline)["also"] == "waiting_for_resource"
    run_all()
    assert world.words(pipeline)["also"] == "success"
    acting.play(world.developer, world.job(pipeline, "hand").pk)
    settle()
    assert world.words(pipeline)["hand"] == "success"


def test_a_failure_that_is_allowed(world: World) -> None:
    text = "go: {trigger: {include: nowhere.yml}, allow_failure: true}"
    pipeline = started(world, text)
    assert world.job(pipeline, "go").allowed
    assert pipeline.status == "success"


def test_masked_values_stay_masked(world: World) -> None:
    Variable.objects.create(project=world.project, name="TOKEN", value="s3cr3t-token", masked=True)
    text = 'go: {trigger: {include: child.yml}, variables: {PASSED: "is $TOKEN"}}'
    pipeline = started(world, text, child__yml=CHILD)
    one = world.job(below(world.job(pipeline, "go")), "one")
    stored = work.decode(one.work)
    assert stored.variables["PASSED"] == "is s3cr3t-token"
    assert "s3cr3t-token" in stored.secrets


def test_artifacts_of_the_parent(world: World) -> None:
    text = """
gen: {stage: build, script: [x], artifacts: {paths: [out]}}
go: {variables: {PARENT: $CI_PIPELINE_ID}, trigger: {include: child.yml}}
"""
    child = "one: {script: [x], needs: [{pipeline: $PARENT, job: gen}]}"
    pipeline = started(world, text, child__yml=child)
    leave(world, pipeline, "out/made.yml", "made")
    settle()
    made = below(world.job(pipeline, "go"))
    (taken,) = claiming.take(1)
    assert taken.attempt.job.pipeline == made
    (source,) = sources_of(taken.attempt.job)
    assert (source.job.name, source.job.pipeline_id) == ("gen", pipeline.pk)


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ("{pipeline: $PARENT, job: other}", "needs “other” of the pipeline"),
        ("{pipeline: $NOBODY, job: gen}", "needs “gen” of the pipeline $NOBODY"),
        ("{pipeline: $APART, job: gen}", "has succeeded in a pipeline above this one or beside"),
    ],
)
def test_artifacts_that_are_not_around(world: World, needs: str, words: str) -> None:
    text = "gen: {stage: build, script: [x], artifacts: {paths: [out]}}"
    apart = started(world, text)
    leave(world, apart, "out/made.yml", "made")
    trigger = (
        f"go: {{variables: {{PARENT: $CI_PIPELINE_ID, APART: {apart.pk}}},"
        " trigger: {include: child.yml}}"
    )
    child = f"one: {{script: [x], needs: [{needs}]}}"
    pipeline = started(world, f"{text}\n{trigger}", child__yml=child)
    leave(world, pipeline, "out/made.yml", "made")
    settle()
    job = world.job(pipeline, "go")
    assert (job.status, job.failure) == ("failed", "downstream_pipeline_creation_failed")
    assert words in job.reason


def test_a_trigger_jobs_environment_is_there_once_its_pipeline_passed(world: World) -> None:
    text = """
go:
  environment: {name: review/$CI_COMMIT_REF_SLUG, url: https://review.example.com}
  trigger: {include: child.yml, strategy: depend}
"""
    pipeline = started(world, text, child__yml=CHILD)
    assert not JobEnvironment.objects.exists()
    run_all()
    row = JobEnvironment.objects.get()
    assert (row.name, row.job) == ("review/main", world.job(pipeline, "go"))
