"""The small process that jobs are forked from; a program of its own: `python -I -S zygote.py FD`.

It imports next to nothing, so that a fork takes about a millisecond. For each packet with two
descriptors (where the job writes, and a socket to its shim) it forks a *shim*: the process that
watches one job and ends with it. Where the kernel allows, a job has its own process namespace, and
its first process ends everything that it started, whatever that did to hide; elsewhere the shim
adopts orphans and kills them. When whoever asked is gone, so are the zygote and its jobs.

Frames on a shim's socket are a length of four bytes and JSON. To it: first the job (see `Command`
of `pipelines.running.launching`), then `{"do": "end", "grace": seconds}`. From it: `{"exit": code,
"reason": "" | "timeout" | "ended" | "memory" | "disk" | "processes"}`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` is not loaded: a fork costs what the process holds
    from typing import Any, NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_NEW_MOUNTS, _NEW_USERS, _NEW_PIDS, _NEW_NET = 0x0002_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
MAX_FRAME = 16_000_000
MAX_FILES = 500_000  # looked at in one measure of the disk
CANNOT_START = 126
_OWN_SIGNALS = (signal.SIGTERM, signal.SIGPIPE, signal.SIGINT)
_MEASURE_SECONDS = 0.5
_KILL_ROUNDS = 200
_libc = ctypes.CDLL(None, use_errno=True)


# -- frames --------------------------------------------------------------------------------------


def read_exactly(sock: socket.socket, size: int) -> bytes:
    """So many bytes; fewer only when the other side has gone."""
    parts: list[bytes] = []
    left = size
    while left:
        try:
            part = sock.recv(left)
        except ConnectionError:
            part = b""
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def read_frame(sock: socket.socket) -> Any:
    """The next frame; None when the other side has gone or writes something else."""
    head = read_exactly(sock, 4)
    size = int.from_bytes(head, "big") if len(head) == 4 else 0  # noqa: PLR2004 - the length's own
    if not 0 < size <= MAX_FRAME:
        return None
    body = read_exactly(sock, size)
    return json.loads(body) if len(body) == size else None


def frame(value: object) -> bytes:
    body = json.dumps(value).encode()
    return len(body).to_bytes(4, "big") + body


# -- what a job is put into ----------------------------------------------------------------------


def _unshare(flags: int) -> bool:
    return bool(_libc.unshare(flags) == 0)


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int) -> bool:
    return bool(_libc.mount(source, target, kind, flags, None) == 0)


def _isolate() -> bool:
    """Put the next child into its own process namespace; False where the kernel says no."""
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        return _unshare(_NEW_PIDS)
    if not _unshare(_NEW_USERS | _NEW_PIDS):
        return False
    try:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib is not loaded
                file.write(text)
    except OSError:
        os._exit(CANNOT_START)  # half in a namespace of users: no job may start here
    return True


def _private_network() -> bool:
    """Enter a network namespace that has 127.0.0.1 and nothing else; False where one may not."""
    if not _unshare(_NEW_NET):
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        asked = struct.pack("16sH14s", b"lo", 0, b"")
        given = struct.unpack("16sH14s", fcntl.ioctl(probe, _SIOCGIFFLAGS, asked))
        flags = struct.pack("16sH14s", b"lo", given[1] | _IFF_UP, b"")
        fcntl.ioctl(probe, _SIOCSIFFLAGS, flags)
    return True


def _first(job: dict[str, Any], out: int, *, isolated: bool) -> None:
    """The job's first process: starts the command, adopts and reaps, ends with the command."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if isolated and _unshare(_NEW_MOUNTS):
        _mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE)
        _mount(b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    if job.get("network") == "none" and not (isolated and _private_network()):
        os.write(out, b"The job cannot start: this machine gives it no private network.\n")
        os._exit(CANNOT_START)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))  # until `everyone` knows whom
    command = _command(job, out)
    os.close(out)

    def everyone(*_: object) -> None:
        with contextlib.suppress(OSError):
            os.kill(-1 if isolated else -command, signal.SIGTERM)

    signal.signal(signal.SIGTERM, everyone)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    if not isolated:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    while True:
        pid, status = os.wait()
        if pid == command:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _command(job: dict[str, Any], out: int) -> int:
    """Start the command; its process. As another user it is forked, else spawned: half the cost."""
    if job.get("uid") is not None:
        command = os.fork()
        if command == 0:
            _become(job, out)
        return command
    try:
        os.chdir(job["cwd"])
        _limit(job)
        return os.posix_spawn(
            job["argv"][0],
            job["argv"],
            job["env"],
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, out, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_OWN_SIGNALS,
        )
    except (OSError, ValueError) as error:
        _cannot_start(out, error)


def _limit(job: dict[str, Any]) -> None:
    if job.get("disk"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["disk"], job["disk"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _cannot_start(out: int, error: Exception) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(out, f"The job cannot start: {error}\n".encode())
    os._exit(CANNOT_START)


def _become(job: dict[str, Any], out: int) -> None:
    """Turn into the command; what prevents it is written where the job writes."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.closerange(3, 256)
        for number in _OWN_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _limit(job)
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if job.get("processes"):
            resource.setrlimit(resource.RLIMIT_NPROC, (job["processes"], job["processes"]))
        os.setgroups([])
        os.setgid(job["gid"])
        os.setuid(job["uid"])
        os.chdir(job["cwd"])
        os.execve(job["argv"][0], job["argv"], job["env"])  # noqa: S606 - a job's own command
    except (OSError, ValueError) as error:
        _cannot_start(2, error)
    finally:
        os._exit(CANNOT_START)


# -- the shim ------------------------------------------------------------------------------------


def _parents() -> dict[int, list[int]]:
    """The children of every process."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib is not loaded here
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123 - pathlib is not loaded here
                    words = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            found.setdefault(int(words[1]), []).append(int(entry))
    return found


def _descendants(root: int) -> list[int]:
    parents, found, left = _parents(), [], [root]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def _memory(pids: list[int]) -> int:
    """The bytes that processes hold for themselves alone."""
    pages = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - pathlib is not loaded here
                words = file.read().split()
        except OSError:
            continue
        pages += max(int(words[1]) - int(words[2]), 0)
    return pages * os.sysconf("SC_PAGE_SIZE")


def _disk(root: str, limit: int) -> int:
    """The bytes below a folder; stops counting once past the limit."""
    total, left, looked = 0, [root], 0
    while left and total <= limit and looked < MAX_FILES:
        try:
            entries = list(os.scandir(left.pop()))
        except OSError:
            continue
        for entry in entries:
            looked += 1
            try:
                total += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)
            except OSError:
                continue
    return total


class _Watch:
    """The limits of one job, measured now and then."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        now = time.monotonic()
        self.deadline = now + job["timeout"] if job.get("timeout") else None
        self.measured = any(job.get(key) for key in ("memory", "disk", "processes"))
        self.next_disk = now
        self.reason = ""
        self.kill_at: float | None = None

    def wait(self) -> int | None:
        """Milliseconds until something has to be looked at; None for never."""
        now = time.monotonic()
        ends = [end for end in (self.deadline, self.kill_at) if end is not None]
        if self.measured and not self.reason:
            ends.append(now + _MEASURE_SECONDS)
        return max(int((min(ends) - now) * 1000) + 1, 0) if ends else None

    def passed(self) -> str:
        """The name of the limit that the job passed; empty for none."""
        now = time.monotonic()
        if self.deadline is not None and now >= self.deadline:
            return "timeout"
        if not self.measured:
            return ""
        pids = _descendants(os.getpid())
        if self.job.get("processes") and len(pids) > self.job["processes"]:
            return "processes"
        if self.job.get("memory") and _memory(pids) > self.job["memory"]:
            return "memory"
        if self.job.get("disk") and now >= self.next_disk:
            used = _disk(self.job["scratch"], self.job["disk"])
            self.next_disk = time.monotonic() + max(1.0, 20 * (time.monotonic() - now))
            if used > self.job["disk"]:
                return "disk"
        return ""

    def end(self, reason: str, grace: float) -> None:
        """The job has to end: asked at first, killed when the grace is over."""
        self.reason, self.deadline = reason, None
        self.kill_at = time.monotonic() + grace


def _shim(control: socket.socket, out: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    job = read_frame(control)
    if not isinstance(job, dict):
        os._exit(0)
    os.setsid()
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    isolated = bool(job.get("isolate")) and _isolate()
    first = os.fork()
    if first == 0:
        control.close()
        _first(job, out, isolated=isolated)
    os.close(out)
    watch = _Watch(job)
    code = _attend(control, first, watch)
    _kill_all(first)
    _answer(control, code, watch.reason)


def _attend(control: socket.socket, first: int, watch: _Watch) -> int:
    """Wait for the end of the job's first process, asked for or not; its exit code."""
    ended = os.pidfd_open(first)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(control, select.POLLIN)
    while True:
        ready = {found for found, _ in poll.poll(watch.wait())}
        if ended in ready:
            return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
        if control.fileno() in ready:
            asked = read_frame(control)
            if not isinstance(asked, dict):  # nobody is there any more
                _kill_all(first)
                os._exit(0)
            watch.end("ended", float(asked.get("grace", 0)))
            _ask(first)
        elif not watch.reason:
            if reason := watch.passed():
                grace = float(watch.job.get("grace", 0)) if reason == "timeout" else 0.0
                watch.end(reason, grace)
                if grace:
                    _ask(first)
        elif watch.kill_at is not None and time.monotonic() >= watch.kill_at:
            watch.kill_at = None
            for pid in (first, *_descendants(os.getpid())):
                _kill(pid)


def _ask(first: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(first, signal.SIGTERM)


def _kill_all(first: int) -> None:
    """Kill the job's first process, which ends its namespace, and whatever is left outside one.

    Orphans of the job become this process's children: without one, nothing of the job is left.
    """
    if not _has_children():
        return
    _kill(first)
    for _ in range(_KILL_ROUNDS):
        for pid in _descendants(os.getpid()):
            _kill(pid)
        if not _has_children():
            return
        time.sleep(0.005)


def _has_children() -> bool:
    """Whether a child lives, once those that ended are reaped."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)


def _answer(control: socket.socket, code: int, reason: str) -> None:
    with contextlib.suppress(OSError):
        control.sendall(frame({"exit": code if code >= 0 else 128 - code, "reason": reason}))
    os._exit(0)


def main(number: int) -> None:
    asking = socket.socket(fileno=number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # shims are reaped by the kernel
    gc.disable()
    gc.freeze()  # pages that forks share stay as they are
    while True:
        word, handles, _, _ = socket.recv_fds(asking, 16, 2)
        if not word:
            return
        out, control = handles
        os.set_inheritable(out, False)
        os.set_inheritable(control, False)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asking.close()
            try:
                _shim(socket.socket(fileno=control), out)
            finally:
                os._exit(1)
        os.close(out)
        os.close(control)


if __name__ == "__main__":
    main(int(sys.argv[1]))
