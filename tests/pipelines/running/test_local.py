"""Whole pipelines on this machine: order, files between jobs, secrets, retries, the end."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from pipelines.engine.config import load
from pipelines.engine.context import Context
from pipelines.engine.plan import plan
from pipelines.engine.scheduling import Status
from pipelines.running.choosing import ChoiceError, Wanted, choose
from pipelines.running.local import LocalRun, Result
from pipelines.running.stores import Folders
from pipelines.running.workspace import Origin


class Heard:
    """What the jobs wrote, and each status that was told."""

    def __init__(self) -> None:
        self.text: dict[str, str] = {}
        self.told: list[tuple[str, Status, str]] = []
        self.changed = threading.Condition()

    def output(self, job: str, data: bytes, *, own: bool) -> None:
        with self.changed:
            self.text[job] = self.text.get(job, "") + data.decode(errors="replace")
            self.changed.notify_all()

    def status(self, job: str, status: Status, reason: str) -> None:
        self.told.append((job, status, reason))

    def waits_for(self, job: str, text: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: text in self.text.get(job, ""), 20)


class Checkout:
    """A folder with a CI file; its runs share a cache."""

    def __init__(self, root: Path, text: str) -> None:
        self.root = root / "checkout"
        self.root.mkdir()
        self.caches = Folders(root / "caches")
        self.heard = Heard()
        self.text = text

    def made(self, wanted: Wanted = Wanted(), **facts: object) -> LocalRun:  # noqa: B008 - frozen
        context = Context(branch="main", **facts)  # type: ignore[arg-type]
        planned = plan(load(self.text, context, ".gitlab-ci.yml"), context)
        paths = tuple(
            str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()
        )
        origin = Origin(self.root, paths)
        return LocalRun(planned, origin, choose(planned, wanted), self.heard, self.caches)

    def run(self, wanted: Wanted = Wanted(), **facts: object) -> Result:  # noqa: B008 - frozen
        return self.made(wanted, **facts).run()


def words(result: Result) -> dict[str, str]:
    return {name: str(ran.status) for name, ran in result.jobs.items()}


def test_artifacts_come_to_later_jobs_and_back_to_the_checkout(tmp_path: Path) -> None:
    checkout = Checkout(
        tmp_path,
        """
make:
  stage: build
  script: [mkdir out, echo made > out/a.txt, echo junk > junk.txt]
  artifacts: {paths: [out]}
use:
  script: [cat out/a.txt, test ! -e junk.txt]
without:
  dependencies: []
  script: [test ! -e out]
""",
    )
    result = checkout.run()
    assert (result.status, words(result)) == (
        "success",
        {"make": "success", "use": "success", "without": "success"},
    )
    assert (checkout.root / "out/a.txt").read_text() == "made\n"
    assert not (checkout.root / "junk.txt").exists()


def test_a_cache_lives_from_run_to_run_by_its_key(tmp_path: Path) -> None:
    checkout = Checkout(
        tmp_path,
        """
job:
  cache: {key: {files: [lock]}, paths: [deps]}
  script: [ls deps 2>/dev/null || echo none, mkdir -p deps, touch deps/one]
""",
    )
    (checkout.root / "lock").write_text("1")
    for expected in ("none", "one"):
        checkout.heard.text.clear()
        checkout.run()
        assert f"\n{expected}\n" in checkout.heard.text["job"]
    (checkout.root / "lock").write_text("2")
    checkout.heard.text.clear()
    checkout.run()
    assert "\nnone\n" in checkout.heard.text["job"]


@pytest.mark.parametrize("call", ["get", "put"])
def test_a_cache_that_fails_is_a_warning_and_never_fails_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error", "/srv/secret-place")

    checkout = Checkout(tmp_path, "job: {cache: {paths: [deps]}, script: [mkdir deps]}")
    monkeypatch.setattr(checkout.caches, call, broken)
    assert checkout.run().succeeded
    words = {"get": "goes on without it", "put": "the job's result stays"}[call]
    assert f"{words}: Input/output error" in checkout.heard.text["job"]
    assert "secret-place" not in checkout.heard.text["job"]


def test_dotenv_goes_on_to_those_that_need_it_but_not_over_what_a_person_gave(
    tmp_path: Path,
) -> None:
    checkout = Checkout(
        tmp_path,
        """
make:
  stage: build
  script: [echo COLOUR=red > v, echo SHAPE=round >> v]
  artifacts: {reports: {dotenv: v}}
use:
  variables: {COLOUR: blue}
  script: ['echo "$COLOUR $SHAPE"']
""",
    )
    checkout.run()
    assert "\nred round\n" in checkout.heard.text["use"]
    checkout.heard.text.clear()
    checkout.run(pipeline_variables={"SHAPE": "square"})
    assert "\nred square\n" in checkout.heard.text["use"]


def test_a_failure_ends_the_pipeline_and_after_script_knows_it(tmp_path: Path) -> None:
    checkout = Checkout(
        tmp_path,
        """
build:
  stage: build
  script: [echo one, exit 3, echo two]
  after_script: [echo "it was $CI_JOB_STATUS"]
test: {script: [echo never]}
""",
    )
    result = checkout.run()
    assert (result.status, words(result)) == ("failed", {"build": "failed", "test": "skipped"})
    assert result.jobs["build"].outcome is not None
    assert result.jobs["build"].outcome.exit_code == 3
    text = checkout.heard.text["build"]
    assert "it was failed" in text
    assert "\ntwo\n" not in text


@pytest.mark.parametrize(
    ("key", "expected"),
    [("true", True), ("{exit_codes: [3, 4]}", True), ("{exit_codes: 5}", False)],
)
def test_allowed_failures(tmp_path: Path, key: str, expected: bool) -> None:
    result = Checkout(tmp_path, f"job: {{script: exit 3, allow_failure: {key}}}").run()
    assert result.jobs["job"].allowed is expected
    assert result.succeeded is expected


def test_retry_runs_as_often_as_it_says_for_the_failures_that_it_names(tmp_path: Path) -> None:
    text = """
job: {script: exit 3, retry: {max: 2, exit_codes: 3}}
other: {script: exit 3, retry: {max: 2, when: runner_system_failure}}
"""
    result = Checkout(tmp_path, text).run()
    assert [result.jobs[name].attempts for name in ("job", "other")] == [3, 1]


def test_a_timeout_ends_it_with_its_reason(tmp_path: Path) -> None:
    result = Checkout(tmp_path, "job: {script: sleep 60, timeout: 1 second}").run()
    outcome = result.jobs["job"].outcome
    assert outcome is not None
    assert outcome.reason == "job_execution_timeout"


def test_a_manual_job_that_nobody_starts_holds_only_what_needs_it(tmp_path: Path) -> None:
    text = """
ask: {stage: build, script: echo asked, rules: [{when: manual}]}
free: {script: echo free}
bound: {script: echo bound, needs: [ask]}
"""
    result = Checkout(tmp_path, text).run()
    assert words(result) == {"ask": "manual", "free": "success", "bound": "created"}
    assert (result.held, result.succeeded) == ({"bound": ("ask",)}, False)


def test_a_manual_job_starts_when_it_is_named(tmp_path: Path) -> None:
    text = "ask: {script: echo asked, when: manual}"
    assert words(Checkout(tmp_path, text).run(Wanted(played=("ask",)))) == {"ask": "success"}


def test_only_what_is_wanted_runs_with_what_it_needs(tmp_path: Path) -> None:
    text = """
a: {script: echo a}
b: {script: echo b, needs: [a]}
c: {script: echo c}
"""
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    assert words(Checkout(tmp_path / "1", text).run(Wanted(("b",)))) == {"b": "success"}
    result = Checkout(tmp_path / "2", text).run(Wanted(("b",), needs=True))
    assert words(result) == {"a": "success", "b": "success"}


def test_a_name_that_is_not_there_says_why(tmp_path: Path) -> None:
    text = """
a: {script: echo, rules: [{if: $NEVER}]}
b: {script: echo}
"""
    checkout = Checkout(tmp_path, text)
    with pytest.raises(ChoiceError, match="is not in this pipeline"):
        checkout.run(Wanted(("a",)))
    with pytest.raises(ChoiceError, match="no job “bb”"):
        checkout.run(Wanted(("bb",)))


def test_jobs_of_one_resource_group_take_turns(tmp_path: Path) -> None:
    busy = tmp_path / "busy"
    script = f"[mkdir {busy}, rmdir {busy}]"
    jobs = "\n".join(f"d{n}: {{resource_group: prod, script: {script}}}" for n in range(6))
    checkout = Checkout(tmp_path, jobs)
    assert set(words(checkout.run()).values()) == {"success"}
    waited = [one for one in checkout.heard.told if one[1] is Status.WAITING_FOR_RESOURCE]
    assert len(waited) == 5
    assert waited[0][2] == "it waits for “d0” in prod"


def test_cancelling_ends_what_runs_and_its_after_script_still_runs(tmp_path: Path) -> None:
    text = """
slow:
  script: [echo up, sleep 60]
  after_script: [echo tidied $CI_JOB_STATUS]
later: {stage: deploy, script: echo}
"""
    checkout = Checkout(tmp_path, text)
    run = checkout.made()

    def cancel() -> None:
        checkout.heard.waits_for("slow", "\nup\n")
        run.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    began = time.monotonic()
    result = run.run()
    thread.join()
    assert time.monotonic() - began < 30
    assert words(result) == {"slow": "canceled", "later": "canceled"}
    assert "tidied canceled" in checkout.heard.text["slow"]
    assert result.status == "canceled"


def test_coverage_is_the_last_match(tmp_path: Path) -> None:
    text = r"""
job:
  coverage: '/TOTAL.*? (\d+)%/'
  script: ['printf "TOTAL 10 50%%\nTOTAL 10 75%%\n"']
"""
    outcome = Checkout(tmp_path, text).run().jobs["job"].outcome
    assert outcome is not None
    assert outcome.coverage == 75.0


def test_a_block_may_span_lines_and_the_environment_is_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    text = """
job:
  before_script: [export GREETING=hi]
  script: ["if true; then", echo $GREETING, fi, env]
"""
    checkout = Checkout(tmp_path, text)
    assert checkout.run().succeeded
    assert "\nhi\n" in checkout.heard.text["job"]
    assert "hunter2" not in checkout.heard.text["job"]
