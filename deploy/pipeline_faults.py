"""`make faults`, its second part: pipelines of 100 jobs while all that carries them is killed.

Runners, the worker, the controller, Redis (which comes back empty) and PostgreSQL get SIGKILL at
random instants. The audit reads rows and what the jobs did themselves: every job ended once, by
one successful attempt or as `runner_system_failure` after its retries, no attempt is open, none
did its work twice, and every log is whole up to the end or the kill.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import django

from deploy.faults import kind_of
from deploy.processes import Installation
from deploy.servers import start_postgres, start_redis
from deploy.supervisor import Program, Supervisor, terminated_like_interrupted

LAYERS, WIDTH = 10, 10
RUNNERS = 2
SETTLE_SECONDS = 600.0
WORK_SECONDS = 60.0  # for a job that runs, so that each kill meets work
PAUSE = (0.0, 1.0)


def pipeline(marks: Path) -> str:
    """Ten layers of ten jobs; each writes when it begins and when it is done."""
    lines = [
        ".job:",
        "  retry: {max: 2, when: runner_system_failure}",
        f"  variables: {{MARKS: {marks}}}",
        "  script:",
        '    - echo "begin $CI_JOB_ID" >> "$MARKS/$CI_JOB_NAME"',
        "    - sleep 0.1",
        '    - echo "done $CI_JOB_ID" >> "$MARKS/$CI_JOB_NAME"',
        "    - echo the last line",
    ]
    for layer in range(LAYERS):
        for place in range(WIDTH):
            others = [f"j{layer - 1}x{(place + step) % WIDTH}" for step in range(2)]
            needs = f"[{', '.join(others)}]" if layer else "[]"
            lines.append(f"j{layer}x{place}: {{extends: .job, needs: {needs}}}")
    return "\n".join(lines)


class Fire:
    """Kills one victim after another, each kind at least once, and starts it again."""

    def __init__(self, supervisor: Supervisor, victims: list[Program], seed: int) -> None:
        self.supervisor = supervisor
        self.victims = victims
        self.chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
        self.kills: Counter[str] = Counter()
        self.turns = self.chance.sample(range(len(victims)), len(victims))

    def kill(self) -> None:
        number = self.turns.pop() if self.turns else self.chance.randrange(len(self.victims))
        victim = self.victims[number]
        victim.signal(signal.SIGKILL)
        victim.process.wait(20)
        self.kills[kind_of(victim)] += 1
        time.sleep(self.chance.uniform(0.5, 1.5))
        for lock in (*victim.cwd.glob("data/postmaster.pid"), *victim.cwd.glob(".s.PGSQL.*.lock")):
            lock.unlink()  # of a server that is dead, though nobody may have reaped it
        self.victims[number] = self.supervisor.restart(victim)

    def pause(self) -> None:
        time.sleep(self.chance.uniform(*PAUSE))


def run(kills: int, seed: int, scratch: Path) -> bool:
    scratch.chmod(0o755)  # PostgreSQL runs as its own user below it
    marks = scratch / "marks"
    marks.mkdir()
    with Supervisor(scratch / "outside") as outside, Supervisor(scratch / "slipway") as inside:
        database, postgres = start_postgres(outside)
        redis, redis_process = start_redis(inside)
        trusted = {"SLIPWAY_CI_RUNNER_PROJECTS": "*", "SLIPWAY_CI_RUNNER_SLOTS": "6"}
        installation = Installation(inside, database, redis, trusted)
        installation.prepare()
        os.environ.update(installation.env, DJANGO_SETTINGS_MODULE="idp.settings")
        django.setup()
        from deploy import pipeline_audit as audit  # noqa: PLC0415  # Django is set up now

        audit.make(pipeline(marks))
        fire = Fire(inside, [_started(installation, n) for n in range(RUNNERS)], seed)
        fire.victims += [installation.start("worker"), installation.start("controller")]
        fire.victims.append(redis_process)
        outsiders = Fire(outside, [postgres], seed)
        begin = time.monotonic()
        for number in range(kills):
            audit.keep_one_running()
            audit.wait_for_work(WORK_SECONDS)
            fire.pause()
            (outsiders if number == kills // 2 else fire).kill()
        settled = audit.settle(SETTLE_SECONDS)
        wrong = settled + audit.wrong(marks)
        if not audit.lost():
            wrong.append("no attempt was lost: the kills prove nothing")
        total = ", ".join(f"{k} ×{n}" for k, n in sorted((fire.kills + outsiders.kills).items()))
        print(f"  {audit.summary()} in {time.monotonic() - begin:.0f} s; SIGKILL: {total}")
        print(f"  audit: {len(wrong)} wrong" if wrong else "  audit: clean")
        for line in wrong[:40]:
            print(f"    {line}")
        return not wrong


def _started(installation: Installation, number: int) -> Program:
    program = installation.start("runner")
    program.name = f"runner-{number}"
    return program


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="0: a new one, printed")
    chosen = parser.parse_args()
    seed = chosen.seed or random.SystemRandom().randrange(1, 1_000_000)
    print(f"pipelines under {chosen.kills} kills (seed {seed})", flush=True)
    with (
        terminated_like_interrupted(),
        tempfile.TemporaryDirectory(prefix="slipway-faults-") as folder,
    ):
        well = run(chosen.kills, seed, Path(folder))
    again = f"FAIL (again with python -m deploy.pipeline_faults --seed {seed})"
    print(f"pipelines' faults: {'PASS' if well else again}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
