"""A scratch database with 1,000 environments, for measuring; gone when the program ends."""

import atexit
import os
import shutil
import tempfile
import time
from collections.abc import Callable

STATE = tempfile.mkdtemp(prefix="slipway-bench-")
atexit.register(shutil.rmtree, STATE, ignore_errors=True)
os.environ.update(
    DJANGO_SETTINGS_MODULE="idp.settings", SLIPWAY_STATE_DIR=STATE, SLIPWAY_EMBEDDED="1"
)
ENVIRONMENTS = 1_000
PROJECTS = 20
SECONDS = 3.0


def rate(work: Callable[[], object], *, seconds: float = SECONDS) -> float:
    """How often `work` runs in a second, after a warm-up."""
    for _ in range(3):
        work()
    begin, times = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        work()
        times += 1
    return times / (time.perf_counter() - begin)


def alternating(
    first: Callable[[], object], second: Callable[[], object], rounds: int = 3
) -> tuple[float, float]:
    """Both rates, measured in turns so that the machine's moods meet both; the best of each."""
    pairs = [(rate(first), rate(second)) for _ in range(rounds)]
    return max(a for a, _ in pairs), max(b for _, b in pairs)
