"""The small process that jobs are forked from; a program of its own: `python -I -S zygote.py FD`.

It imports next to nothing, so that a fork takes about a millisecond. For each packet with two
descriptors (where the job writes, and a socket to its shim) it forks a *shim*: the process that
starts one job, watches it and ends with it. Where the kernel allows, the shim is the first process
of a process namespace and its end ends everything that the job started, whatever that did to hide;
elsewhere it adopts orphans and kills them. When whoever asked is gone, so are the zygote and its
jobs.

A packet says `ISOLATED` or `SHARED`: in a namespace of its own, or not. Frames on a shim's socket
are a length of four bytes and JSON. To it: first the job (see `Command` of
`pipelines.running.launching`), then `{"do": "end", "grace": seconds}`. From it: `{"exit": code,
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
    from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_NEW_MOUNTS, _NEW_USERS, _NEW_PIDS, _NEW_NET = 0x0002_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
MAX_FRAME = 16_000_000
MAX_FILES = 500_000  # looked at in one measure of the disk
CANNOT_START = 126
_OWN_SIGNALS = (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT)
_MEASURE_SECONDS = 0.5
_KILL_ROUNDS = 200
ISOLATED, SHARED = b"isolated", b"shared"
_CLONE = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine)  # the system call's number
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


def _fork(word: bytes) -> tuple[int, bool]:
    """As `os.fork`, and whether the child is the first of a process namespace of its own.

    `unshare` would cost a process more for each job: it moves children only.
    """
    if word == ISOLATED and _CLONE is not None:
        users = 0 if os.getuid() == 0 else _NEW_USERS
        flags = _NEW_PIDS | users | signal.SIGCHLD
        pid = ctypes.PyDLL(None).syscall(_CLONE, flags, 0, 0, 0, 0)
        if pid >= 0:
            return pid, True
    return os.fork(), False


def _may_isolate(uid: int, gid: int) -> bool:
    """Whether jobs can have namespaces: some kernels grant them and then nothing in them."""
    if uid == 0:
        return True
    pid, isolated = _fork(ISOLATED)
    if pid == 0:
        code = 1
        try:
            if isolated:
                _enter(uid, gid)
                code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _enter(uid: int, gid: int) -> None:
    """Be in the new namespaces who one was outside, and see no other processes."""
    if uid != 0:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib is not loaded
                file.write(text)
    if _unshare(_NEW_MOUNTS):
        _mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE)
        _mount(b"proc", b"/proc", b"proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)


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


def _start(job: dict[str, Any], out: int, *, isolated: bool) -> int:
    """Start the command; its process. As another user it is forked, else spawned: half the cost."""
    if job.get("network") == "none" and not (isolated and _private_network()):
        raise OSError("this machine gives it no private network.")
    if job.get("uid") is not None:
        command = os.fork()
        if command == 0:
            _become(job, out)
        return command
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


def _limit(job: dict[str, Any]) -> None:
    if job.get("disk"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["disk"], job["disk"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _cannot_start(out: int, error: Exception) -> None:
    with contextlib.suppress(OSError):
        os.write(out, f"The job cannot start: {error}\n".encode())


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


def _descendants() -> list[int]:
    """This process's, as `/proc` numbers them."""
    parents, found, left = _parents(), [], [int(os.readlink("/proc/self"))]  # noqa: PTH115 - as above
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
        self.next_measure = self.next_disk = now + _MEASURE_SECONDS
        self.reason = ""
        self.kill_at: float | None = None

    def wait(self) -> int | None:
        """Milliseconds until something has to be looked at; None for never."""
        now = time.monotonic()
        ends = [end for end in (self.deadline, self.kill_at) if end is not None]
        if self.measured and not self.reason:
            ends.append(self.next_measure)
        return max(int((min(ends) - now) * 1000) + 1, 0) if ends else None

    def passed(self) -> str:
        """The name of the limit that the job passed; empty for none."""
        now = time.monotonic()
        if self.deadline is not None and now >= self.deadline:
            return "timeout"
        if not self.measured or now < self.next_measure:
            return ""
        self.next_measure = now + _MEASURE_SECONDS
        pids = _descendants()
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


class _Children:
    """The processes of one job: its command, what that started, and orphans of those."""

    def __init__(self, command: int, *, isolated: bool) -> None:
        self.command = command
        self.isolated = isolated
        self.code: int | None = None  # of the command, once it ended

    def reap(self) -> bool:
        """Take those that ended; whether one is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.command:
                    self.code = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            return False

    def ask(self) -> None:
        """Ask them to end."""
        _kill(-1 if self.isolated else -self.command, signal.SIGTERM)

    def kill(self) -> None:
        """Kill them. Orphans become this process's children: without a child, nothing is left."""
        for _ in range(_KILL_ROUNDS):
            if not self.reap():
                return
            for pid in (-1,) if self.isolated else _descendants():
                _kill(pid, signal.SIGKILL)
            time.sleep(0.005)


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _shim(control: socket.socket, out: int, *, isolated: bool, uid: int, gid: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    job = read_frame(control)
    if not isinstance(job, dict):
        return
    os.setsid()
    if isolated:
        _enter(uid, gid)
    else:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    watch = _Watch(job)
    woken = _wake_for_children()
    try:
        command = _start(job, out, isolated=isolated)
    except (OSError, ValueError) as error:
        _cannot_start(out, error)
        _answer(control, CANNOT_START, "")
        return
    children = _Children(command, isolated=isolated)
    os.close(out)
    if _attend(control, woken, children, watch):
        children.kill()
        _answer(control, children.code or 0, watch.reason)


def _wake_for_children() -> int:
    """A descriptor that can be read when a child ended."""
    read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    return read


def _attend(control: socket.socket, woken: int, children: _Children, watch: _Watch) -> bool:
    """Wait until the command has ended, asked for or not; False when nobody is there any more."""
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    poll.register(control, select.POLLIN)
    while True:
        ready = {found for found, _ in poll.poll(watch.wait())}
        if woken in ready:
            os.read(woken, 4096)
            children.reap()
        if control.fileno() in ready:
            asked = read_frame(control)
            if not isinstance(asked, dict):
                children.kill()
                return False
            watch.end("ended", float(asked.get("grace", 0)))
            children.ask()
        _hold(watch, children)
        if children.code is not None:
            return True


def _hold(watch: _Watch, children: _Children) -> None:
    """Hold the job to its limits: asked to end, or killed."""
    if not watch.reason:
        if reason := watch.passed():
            grace = float(watch.job.get("grace", 0)) if reason == "timeout" else 0.0
            watch.end(reason, grace)
            if grace:
                children.ask()
    elif watch.kill_at is not None and time.monotonic() >= watch.kill_at:
        watch.kill_at = None
        children.kill()


def _answer(control: socket.socket, code: int, reason: str) -> None:
    with contextlib.suppress(OSError):
        control.sendall(frame({"exit": code if code >= 0 else 128 - code, "reason": reason}))


def main(number: int) -> None:
    asking = socket.socket(fileno=number)
    uid, gid = os.getuid(), os.getgid()
    may_isolate = _may_isolate(uid, gid)
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
        pid, isolated = -1, False
        with contextlib.suppress(OSError):  # no process is to be had: this job alone is lost
            pid, isolated = _fork(word if may_isolate else SHARED)
        if pid == 0:
            asking.close()
            try:
                watched = socket.socket(fileno=control)
                _shim(watched, out, isolated=isolated, uid=uid, gid=gid)
            finally:
                os._exit(0)
        os.close(out)
        os.close(control)


if __name__ == "__main__":
    main(int(sys.argv[1]))
