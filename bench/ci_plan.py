"""How soon 500 jobs are read, expanded and planned: cold, and from the plans that are kept.

`python -m bench.ci_plan`: a file of its own making with extends, rules, !reference and a template
that it includes; each run in a fresh process with the engine loaded, the median of seven.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 7
JOBS, TEMPLATES, STAGES = 500, 25, 10
_ONE = """
import json, sys, time
from pathlib import Path
from pipelines.engine import cache
from pipelines.engine.context import Context, MemoryFiles
root, folder = Path(sys.argv[1]), Path(sys.argv[2])
files = MemoryFiles({p.name: p.read_bytes() for p in root.iterdir()})
data, context = files.content[".gitlab-ci.yml"], Context(branch="main", files=files)
from pipelines.engine import config, plan
began = time.perf_counter()
if sys.argv[3] == "cold":
    made = plan.plan(config.load(data, context), context)
else:
    made = cache.planned(data, context, folder)
found = time.perf_counter() - began
every = [job for job in made.jobs.values()]
print(json.dumps([found * 1000, (time.perf_counter() - began) * 1000, len(every)]))
"""


def template(number: int) -> str:
    return f"""
.base-{number:02}:
  before_script: [echo prepare {number}]
  variables: {{BASE: base-{number}, COMMON: from-{number}}}
  tags: [linux]
  retry: {{max: 1, when: [runner_system_failure]}}
  rules:
    - if: $LEAVE_OUT_{number} == "yes"
      when: never
    - if: $CI_COMMIT_BRANCH
"""


def job(number: int) -> str:
    base, other = number % TEMPLATES, (number + 1) % TEMPLATES
    needs = f"\n  needs: [job-{number - JOBS // STAGES:03}]" if number >= JOBS // STAGES else ""
    return f"""
job-{number:03}:
  stage: s{number * STAGES // JOBS}
  extends: .base-{base:02}{needs}
  variables: {{N: "{number}", ALL: "$SHARED/$BASE/$N"}}
  script:
    - !reference [.base-{other:02}, before_script]
    - echo "$ALL"
  artifacts: {{paths: [out/{number}], expire_in: 1 day}}
"""


def written(folder: Path) -> None:
    stages = ", ".join(f"s{number}" for number in range(STAGES))
    head = f"stages: [{stages}]\ninclude: [{{local: base.yml}}]\nvariables: {{SHARED: shared}}\n"
    (folder / "base.yml").write_text("".join(map(template, range(TEMPLATES))))
    (folder / ".gitlab-ci.yml").write_text(head + "".join(map(job, range(JOBS))))


def measured(how: str, root: Path, folder: Path) -> tuple[float, float]:
    """Milliseconds until the plan is there, and until every job of it was looked at."""
    command = [sys.executable, "-c", _ONE, str(root), str(folder), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    plan, jobs, count = json.loads(done.stdout)
    if count != JOBS:
        raise SystemExit(f"{count} jobs were planned, {JOBS} are in the file")
    return plan, jobs


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root, folder = Path(name, "checkout"), Path(name, "plans")
        root.mkdir()
        written(root)
        measured("kept", root, folder)  # puts the plan there
        found: dict[str, list[tuple[float, float]]] = {"cold": [], "kept": []}
        for _ in range(RUNS):
            for how, times in found.items():
                times.append(measured(how, root, folder))
        for how, times in found.items():
            plan, jobs = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"{how}: {JOBS} jobs in {plan:.1f} ms, each looked at in {jobs:.1f} ms")


if __name__ == "__main__":
    main()
