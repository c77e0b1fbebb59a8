"""Pipelines of other projects, and files of other projects: by the rights of one person."""

from __future__ import annotations

import pytest

from pipelines.runs import claiming, commits, work
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import acting, ending, planning, starting
from pipelines.runs.services.starting import Asked, At
from pipelines.variables.models import Variable
from rbac.actors import Actor
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.downstreams import below, given, run_all, settle
from tests.rbac.factories import bind, make_project

pytestmark = pytest.mark.django_db
GO = "go: {trigger: other}\nafter: {stage: deploy, script: [x]}"
ONE = "one: {script: [x]}"


def settled(world: World, text: str, **options: object) -> tuple[Pipeline, Job]:
    """A pipeline whose job `go` has been looked at."""
    pipeline = world.start(text, **options)
    settle()
    pipeline.refresh_from_db()
    return pipeline, world.job(pipeline, "go")


def test_it_runs_there_as_the_same_person_with_what_that_project_gives(world: World) -> None:
    other = world.other()
    other.commit(ONE)
    for project in (world.project, other.project):
        Variable.objects.create(
            project=project, name="OF", value=f"{project.name}-value", protected=True
        )
    _, job = settled(world, "go: {trigger: other, variables: {PASSED: here}}", ref="feature")
    made = below(job)
    assert (job.status, job.reason) == ("success", "It started a pipeline of other.")
    assert (made.project, made.source, made.ref) == (other.project, "pipeline", "main")
    assert (made.actor, made.actor_label) == (world.people.developer, "dana.dev")
    one = other.job(made, "one")
    assert given(one, "OF") == "other-value"
    assert given(one, "PASSED") == "here"
    assert given(one, "CI_PIPELINE_SOURCE") == "pipeline"
    _, job = settled(world, "go: {trigger: {project: other, branch: side}}")
    assert (job.status, job.failure) == ("failed", "invalid_bridge_trigger")
    other.commit(ONE, "refs/heads/side")
    _, job = settled(
        world, "go: {trigger: {project: other, branch: $WHERE}, variables: {WHERE: side}}"
    )
    assert below(job).ref == "side"
    assert given(other.job(below(job), "one"), "OF") == ""  # not protected


def test_without_the_right_it_is_as_if_the_project_were_not_there(world: World) -> None:
    foreign = make_project("secret")
    seen = make_project("seen")
    bind("viewer", seen.scope, user=world.people.developer)
    said = {}
    for name in (foreign.name, seen.name, "nowhere"):
        _, job = settled(world, f"go: {{trigger: {name}}}")
        assert (job.status, job.failure) == ("failed", "downstream_bridge_project_not_found")
        said[name] = job.reason.replace(name, "…")
    assert len(set(said.values())) == 1
    assert said["nowhere"] == (
        "There is no project “…” in which dana.dev may run pipelines. Check its name, and ask"
        " there for pipeline.run."
    )
    assert not Pipeline.objects.exclude(project=world.project).exists()


@pytest.mark.parametrize(
    "trigger",
    ["$KEY", "{project: other, branch: $KEY}", "{project: other, branch: 'refs/heads/${KEY}x'}"],
)
@pytest.mark.parametrize("value", ["hunter2-and-more", "hunter2-" * 20])
def test_a_masked_value_is_in_no_reason(world: World, trigger: str, value: str) -> None:
    world.other().commit(ONE)
    Variable.objects.create(project=world.project, name="KEY", value=value, masked=True)
    _, job = settled(world, f"go: {{trigger: {trigger}}}")
    assert job.status == "failed"
    assert job.failure in {"downstream_bridge_project_not_found", "invalid_bridge_trigger"}
    assert "the reason would show a masked value of trigger" in job.reason
    assert "hunter2" not in job.reason


def test_depend_waits_and_a_cancel_above_leaves_it_alone(world: World) -> None:
    other = world.other()
    other.commit(ONE)
    text = "go: {trigger: {project: other, strategy: depend}}"
    pipeline, job = settled(world, text)
    assert job.status == "running"
    acting.cancel(world.developer, pipeline.pk)
    settle()
    job.refresh_from_db()
    assert (job.status, below(job).status) == ("canceled", "running")
    run_all()
    job.refresh_from_db()
    assert (job.status, below(job).status) == ("canceled", "success")
    pipeline, job = settled(world, text)
    run_all(status="failed")
    job.refresh_from_db()
    assert (job.status, job.reason) == ("failed", "It waited for a pipeline of other: failed.")


def test_what_is_wrong_there_is_said_there(world: World) -> None:
    other = world.other()
    other.commit("one: {scrip: [x]}")
    _, job = settled(world, GO)
    assert (job.status, job.failure) == ("failed", "downstream_pipeline_creation_failed")
    assert job.reason == "No job of a pipeline of other began: its own page says why."


def test_inputs_of_the_other_file(world: World) -> None:
    other = world.other()
    other.commit('spec: {inputs: {name: {}}}\n---\n"$[[ inputs.name ]]": {script: [x]}')
    _, job = settled(world, "go: {trigger: {project: other, inputs: {name: built}}}")
    assert set(other.words(below(job))) == {"built"}


def test_a_circle_is_refused_by_its_name(world: World) -> None:
    other = world.other()
    other.commit("go: {trigger: orders}")
    _, job = settled(world, GO)
    assert job.status == "success"
    job = other.job(below(job), "go")
    assert (job.status, job.failure) == ("failed", "pipeline_loop_detected")
    assert "a pipeline of orders for main stands above it" in job.reason


def test_a_branch_and_a_tag_of_one_name(world: World) -> None:
    other = world.other()
    sha = other.commit(ONE, "refs/heads/v1")
    other.repository.write(
        "refs/tags/v1", base=sha, files={"a": b"b"}, author=("Dana", "dana@localhost"), message="x"
    )
    _, job = settled(world, "go: {trigger: {project: other, branch: v1}}")
    assert (job.status, job.failure) == ("failed", "invalid_bridge_trigger")
    _, job = settled(world, "go: {trigger: {project: other, branch: refs/heads/v1}}")
    assert (job.status, below(job).is_tag) == ("success", False)


def test_values_passed_to_another_project_are_masked_there(world: World) -> None:
    other = world.other()
    other.commit(ONE)
    Variable.objects.create(project=world.project, name="TOKEN", value="s3cr3t-token", masked=True)
    Variable.objects.create(project=world.project, name="OTHER", value="n0t-passed", masked=True)
    _, job = settled(world, 'go: {trigger: other, variables: {PASSED: "is $TOKEN"}}')
    stored = work.decode(other.job(below(job), "one").work)
    assert stored.secrets == ("s3cr3t-token",)


def foreign(world: World, text: str) -> Pipeline:
    """A planned pipeline of a fork."""
    sha = world.commit(text, child__yml=ONE)
    repository = commits.of_project(world.project)
    assert repository is not None
    at = At("main", commits.facts(repository, sha), foreign=True)
    asked = Asked("main", source="merge_request_event")
    pipeline = starting.begin(world.developer, world.project, asked, at)
    planning.work_on(pipeline.pk)
    settle()
    pipeline.refresh_from_db()
    return pipeline


def test_a_fork_starts_nothing_elsewhere_and_reads_nothing_there(world: World) -> None:
    other = world.other()
    other.commit(ONE, a__yml=ONE)
    rules = "rules: [{when: always}]"
    for project in ("other", world.project.name):
        trigger = f"{{project: {project}, branch: main}}"
        pipeline = foreign(world, f"go: {{trigger: {trigger}, {rules}}}")
        job = world.job(pipeline, "go")
        assert (job.status, job.failure) == ("failed", "insufficient_bridge_permissions")
    pipeline = foreign(
        world, f"include: [{{project: other, file: a.yml}}]\na: {{script: [x], {rules}}}"
    )
    assert pipeline.status == "failed"
    assert "pipelines of forks read no other project" in pipeline.reason


def test_a_file_of_another_project(world: World) -> None:
    other = world.other()
    other.commit(ONE, "refs/heads/v1", a__yml="include: b.yml\ntheirs: {script: [x]}",
                 b__yml="more: {script: [x]}")  # fmt: skip
    pipeline = world.start("include: [{project: other, ref: v1, file: a.yml}]\nmine: {script: [x]}")
    assert set(world.words(pipeline)) == {"theirs", "more", "mine"}
    where = world.job(pipeline, "theirs").explanation["where"]
    assert where == "other@v1:a.yml:2"
    pipeline = world.start("go: {trigger: {include: [{project: other, ref: v1, file: a.yml}]}}")
    settle()
    assert set(other.words(below(world.job(pipeline, "go")))) == {"theirs", "more"}


def test_a_file_that_may_not_be_read_is_as_one_that_is_not_there(world: World) -> None:
    hidden = world.other("hidden", make_project("apart").team)
    hidden.commit(ONE, a__yml=ONE)
    said = set()
    for name in ("hidden", "nowhere"):
        pipeline = world.start(f"include: [{{project: {name}, file: a.yml}}]\na: {{script: [x]}}")
        assert pipeline.status == "failed"
        said.add(pipeline.reason.replace(name, "…"))
    assert len(said) == 1
    assert "“…”) is not there, or cannot be read from here" in said.pop()


def test_a_pipeline_reads_few_projects(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.downstream.sources.MAX_PROJECTS", 1)
    world.other().commit(ONE, a__yml=ONE)
    text = "include: [{project: other, file: a.yml}, {project: more, file: a.yml}]"
    pipeline = world.start(f"{text}\na: {{script: [x]}}")
    assert "one pipeline reads at most 1 projects" in pipeline.reason


def test_whoever_started_the_upstream_counts_and_not_who_wrote_its_file(world: World) -> None:
    other = world.other()
    other.commit(ONE)
    world.commit("go: {trigger: other}")
    della = Actor(world.people.deployer)
    pipeline = starting.start(della, world.project, "main")
    settle()
    job = world.job(pipeline, "go")
    assert job.failure == "downstream_bridge_project_not_found"
    assert "in which della.deployer may run pipelines" in job.reason


def test_a_new_commit_leaves_the_other_projects_pipeline(world: World) -> None:
    other = world.other()
    other.commit("one: {script: [x], interruptible: true}")
    _, job = settled(world, "go: {interruptible: true, trigger: other}", source="push")
    assert len(claiming.take(1)) == 1
    world.start(ONE, source="push")
    settle()
    assert below(job).status == "running"
    attempt = other.job(below(job), "one").attempts.get()
    assert not attempt.cancel
    assert ending.end_lost() == 0
