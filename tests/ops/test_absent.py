"""What a machine cannot prove is named where nobody overlooks it, and fails in CI."""

import subprocess
import sys
from pathlib import Path

from deploy.processes import ROOT

TEST = """
from tests.support.absent import absent

def test_the_moon_landing():
    absent("the moon", "Build a rocket.")
"""


def _pytest(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_moon.py").write_text(TEST)
    plugins = ["-p", "tests.support.absent", "-p", "no:django", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", *plugins]
    return subprocess.run(
        [*command, "--rootdir", str(folder), str(folder / "test_moon.py")],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_is_named_at_the_end(tmp_path: Path) -> None:
    done = _pytest(tmp_path, ci="")
    assert done.returncode == 0, done.stdout
    tail = done.stdout.split("1 TESTS PROVED NOTHING ON THIS MACHINE")[1]
    assert "the moon is missing. Build a rocket." in tail
    assert "test_moon.py" in tail


def test_it_fails_in_ci(tmp_path: Path) -> None:
    done = _pytest(tmp_path, ci="true")
    assert done.returncode == 1
    assert "NOT PROVED HERE: the moon is missing. Build a rocket." in done.stdout
