"""`slipway ci run` beside the peer: whole processes, in turns, medians of five."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import ci_plan
from bench.figures import ROUNDS, Figure, seconds
from bench.pipelines import cases
from bench.pipelines.peer import Peer
from pipelines.checkout import CheckoutFiles, context_of
from pipelines.engine.config import FILE, load
from pipelines.engine.plan import plan

OURS = (str(Path(sys.executable).with_name("slipway")), "ci", "run", "--quiet")
SLOTS = "20"
LIMIT = 180


def figures(scratch: Path, peer: Peer | None) -> Iterator[Figure]:
    yield _one_job(cases.repository(scratch / "one", {FILE: cases.one_job()}), peer)
    for name, text, aim in (
        ("100 jobs in 10 layers", cases.dag(), 1.5),
        ("16 layers of two jobs", cases.ladder(), 1.0),
        ("100 jobs in 20 chains, each with 0.2 s of sleep", cases.chains(), 1.2),
    ):
        root = cases.repository(scratch / name.replace(" ", "-")[:20], {FILE: text})
        yield Figure(name, _median([*OURS, "--jobs", SLOTS], root), "s", aim, most=True)
    yield _cold(cases.repository(scratch / "config", cases.configuration()))
    yield _kept(scratch / "kept")


def _one_job(root: Path, peer: Peer | None) -> Figure:
    what = "One job, times the peer's time"
    if peer is None:
        ours = _median(list(OURS), root)
        return Figure(what, float("inf"), "×", 0.5, most=True, beside=f"no peer; ours {ours:.2f} s")
    pairs = []
    for turn in range(ROUNDS + 1):
        commands = [list(OURS), list(peer.argv)]
        if turn % 2:
            commands.reverse()
        took = {command[0]: _took(command, root) for command in commands}
        pairs.append((took[OURS[0]], took[peer.argv[0]]))
    ours, theirs = (statistics.median(column) for column in zip(*pairs[1:], strict=True))
    beside = f"ours {ours:.2f} s, gitlab-ci-local {peer.version} {theirs:.2f} s"
    return Figure(what, ours / theirs, "×", 0.5, most=True, beside=beside)


def _took(command: list[str], root: Path) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=LIMIT)
    return time.perf_counter() - begin


def _median(command: list[str], root: Path) -> float:
    _took(command, root)
    return statistics.median(_took(command, root) for _ in range(ROUNDS))


def _cold(root: Path) -> Figure:
    context = context_of(CheckoutFiles(root), {})
    data = (root / FILE).read_bytes()

    def work() -> None:
        plan(load(data, context, FILE), context)

    return Figure("Parse and expand 500 jobs, cold", seconds(work, 1), "s", 0.4, most=True)


def _kept(scratch: Path) -> Figure:
    """In a fresh process each, until every job was looked at."""
    root, folder = scratch / "checkout", scratch / "plans"
    root.mkdir(parents=True)
    ci_plan.written(root)
    ci_plan.measured("kept", root, folder)  # puts the plan there
    found = [ci_plan.measured("kept", root, folder)[1] for _ in range(ROUNDS)]
    what = "The same number from the plans that are kept"
    return Figure(what, statistics.median(found), "ms", 20, most=True)
