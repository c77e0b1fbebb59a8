"""The shim: exit codes, what a job leaves behind, limits, and the end of whoever asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.running import launching, zygote
from pipelines.running.launching import Command, Ended, Launcher, LaunchError

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
SECONDS = 20


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as found:
        yield found


def run(launcher: Launcher, script: str, **options: object) -> tuple[str, Ended]:
    given: dict[str, object] = {"timeout": SECONDS, **options}
    command = Command(("/bin/sh", "-c", script), "/tmp", ENV, **given)  # type: ignore[arg-type] # noqa: S108
    running = launcher.start(command)
    parts = []
    while part := os.read(running.output, 65_536):
        parts.append(part)
    return b"".join(parts).decode(), running.wait()


def alive(mark: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_bytes().decode(errors="replace"):
                return True
        except OSError:
            continue
    return False


def until(mark: str, *, there: bool) -> bool:
    """Wait until a process with the mark is there, or gone; whether that came to be."""
    end = time.monotonic() + SECONDS
    while alive(mark) != there and time.monotonic() < end:
        os.sched_yield()
    return alive(mark) == there


def test_output_and_exit_code(launcher: Launcher) -> None:
    assert run(launcher, "echo out; echo err >&2; exit 7") == ("out\nerr\n", Ended(7))


def test_a_signal_is_its_number_and_128(launcher: Launcher) -> None:
    assert run(launcher, "kill -9 $$")[1] == Ended(137)


def test_only_the_given_environment_is_there(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    out, _ = run(launcher, "env; cat")
    assert "DATABASE_PASSWORD" not in out
    assert "PATH=" in out


def test_a_command_that_is_not_there_says_so(launcher: Launcher) -> None:
    running = launcher.start(Command(("/no/such",), "/tmp", ENV))  # noqa: S108
    assert b"cannot start" in os.read(running.output, 1_000)
    assert running.wait() == Ended(126)


@pytest.mark.parametrize("isolate", [True, False])
class TestNothingOutlivesIt:
    def test_what_went_to_the_background(self, launcher: Launcher, *, isolate: bool) -> None:
        mark = f"901.{isolate:d}"
        script = f"setsid sh -c 'sleep {mark}' & (sleep {mark} &) ; echo done"
        assert run(launcher, script, isolate=isolate) == ("done\n", Ended(0))
        assert not alive(f"sleep\0{mark}")

    def test_what_ignores_to_be_asked(self, launcher: Launcher, *, isolate: bool) -> None:
        mark = f"902.{isolate:d}"
        script = f"trap '' TERM; setsid sh -c \"trap '' TERM; sleep {mark}\" & sleep {mark}"
        _, ended = run(launcher, script, isolate=isolate, timeout=0.2, grace=0.2)
        assert ended == Ended(137, "timeout")
        assert until(f"sleep\0{mark}", there=False)

    def test_it_may_tidy_when_it_is_asked(self, launcher: Launcher, *, isolate: bool) -> None:
        script = "trap 'echo tidy; exit 9' TERM; echo up; sleep 903 & wait"
        command = Command(("/bin/sh", "-c", script), "/tmp", ENV, isolate=isolate)  # noqa: S108
        running = launcher.start(command)
        assert os.read(running.output, 100) == b"up\n"
        running.end(grace=SECONDS)
        assert os.read(running.output, 100) == b"tidy\n"
        assert running.wait() == Ended(9, "ended")


class TestLimits:
    def test_a_storm_of_children_hides_nothing(self, launcher: Launcher) -> None:
        hog = f"{sys.executable} -S -c 'x = b\"1\" * 200_000_000; import time; time.sleep(60)'"
        script = f"{hog} & while :; do (true &); done"
        assert run(launcher, script, memory=100_000_000)[1].reason == "memory"

    def test_memory(self, launcher: Launcher) -> None:
        script = f"{sys.executable} -S -c 'x = b\"1\" * 200_000_000; import time; time.sleep(60)'"
        assert run(launcher, script, memory=100_000_000)[1].reason == "memory"

    def test_processes(self, launcher: Launcher) -> None:
        script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 904 & done; wait"
        assert run(launcher, script, processes=5)[1].reason == "processes"

    def test_disk(self, launcher: Launcher, tmp_path: Path) -> None:
        script = "for i in 1 2 3 4; do head -c 3000000 /dev/zero > f$i; done; sleep 905"
        command = Command(
            ("/bin/sh", "-c", script),
            str(tmp_path),
            ENV,
            scratch=str(tmp_path),
            disk=10_000_000,
            timeout=SECONDS,
        )
        assert launcher.start(command).wait().reason == "disk"

    def test_one_file(self, launcher: Launcher, tmp_path: Path) -> None:
        command = Command(
            ("/bin/sh", "-c", "head -c 30000000 /dev/zero > f; echo $? > code"),
            str(tmp_path),
            ENV,
            scratch=str(tmp_path),
            disk=10_000_000,
        )
        launcher.start(command).wait()
        assert (tmp_path / "f").stat().st_size <= 10_000_000


@pytest.mark.skipif(os.getuid() != 0, reason="only root may start a job as somebody else")
def test_as_another_user(launcher: Launcher) -> None:
    assert run(launcher, "id -u; id -g", uid=65_534, gid=65_534)[0] == "65534\n65534\n"


def test_a_private_network_has_nothing_but_itself(launcher: Launcher) -> None:
    out, ended = run(launcher, "cut -d: -f1 /proc/net/dev | tail -n +3", network="none")
    assert (out.split(), ended.code) == (["lo"], 0) or "no private network" in out


def test_jobs_end_when_whoever_asked_is_killed() -> None:
    program = (
        "import os; from pipelines.running.launching import *\n"
        "c = Command(('/bin/sh', '-c', 'echo up; sleep 906'), '/tmp', {})\n"
        "l = Launcher(); r = l.start(c)\n"
        "print(os.read(r.output, 9), flush=True); r.wait()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert b"up" in asking.stdout.readline()
        assert until("sleep\000906", there=True)
        asking.send_signal(signal.SIGKILL)
        asking.wait()
    assert until("sleep\000906", there=False)


def test_a_launcher_whose_zygote_is_gone_says_so() -> None:
    launcher = Launcher()
    launcher.close()
    with pytest.raises(LaunchError):
        launcher.start(Command(("/bin/true",), "/tmp", {}))  # noqa: S108


def test_the_next_job_after_a_zygote_that_was_killed_has_a_new_one() -> None:
    with Launcher() as launcher:
        running = launcher.start(Command(("/bin/sleep", "907"), "/tmp", ENV))  # noqa: S108
        os.kill(launcher._process.pid, signal.SIGKILL)
        assert running.wait() == Ended(126, "lost")
        launcher._process.wait()
        assert run(launcher, "echo up") == ("up\n", Ended(0))


def test_a_fork_that_fails_loses_that_job_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, broken = tmp_path / "full", tmp_path / "zygote.py"
    head = "def _fork(word: bytes) -> tuple[int, bool]:\n"
    fails = f"{head}    if os.path.exists('{full}'):\n        raise OSError\n"
    broken.write_text(Path(zygote.__file__).read_text().replace(head, fails))
    monkeypatch.setattr(launching, "_ZYGOTE", broken)
    with Launcher() as launcher:
        script = "echo up; sleep 0.5"
        first = launcher.start(Command(("/bin/sh", "-c", script), "/tmp", ENV))  # noqa: S108
        assert os.read(first.output, 10) == b"up\n"
        full.touch()
        assert run(launcher, "echo")[1] == Ended(126, "lost")
        full.unlink()
        assert first.wait() == Ended(0)
        assert run(launcher, "echo up") == ("up\n", Ended(0))
