"""The agent's loop: claims, runs, tells; ends in order, and knows when an attempt is not its own.

It keeps nothing but what runs: killing it loses that, and nothing else. A server that restarts is
waited for; jobs go on meanwhile, and their logs wait in a bounded spool.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from idp.common.version import VERSION
from pipelines.agent import forms
from pipelines.agent.clients import (
    AgentRefused,
    AttemptLost,
    Backoff,
    Connection,
    Rejected,
    Unreachable,
    again,
)
from pipelines.agent.keeper import RemoteFiles
from pipelines.agent.spool import Spool
from pipelines.engine.scheduling import Status
from pipelines.running import environment
from pipelines.running.attempt import Attempt, Limits, Order, Outcome
from pipelines.running.launching import Launcher

log = logging.getLogger("slipway.agent")
PULSE_SECONDS = 0.15  # logs are sent
BEAT_SECONDS = 1.0  # leases are renewed, cancels heard
STOP_GRACE = 5.0
TELL_SECONDS = 300.0  # for the end of a log, and the outcome
LOST = "runner_system_failure"


@dataclass
class _Running:
    order: forms.Order
    spool: Spool = field(default_factory=Spool)
    sending: threading.Lock = field(default_factory=threading.Lock)
    attempt: Attempt | None = None
    canceled: bool = False  # by the server
    lost: bool = False


@dataclass(frozen=True)
class Options:
    """How the agent runs jobs here."""

    slots: int = 1
    tags: tuple[str, ...] | None = None
    once: bool = False  # one attempt, then the end
    root: Path = Path(tempfile.gettempdir())
    uid: int | None = None
    gid: int | None = None
    wait: float = forms.MAX_WAIT
    network: str = ""  # "none": jobs have 127.0.0.1 alone
    keep_environment: bool = False  # jobs begin with what this process has, as in its container


class Agent:
    """Runs attempts until `stop` is set, or one with `once`."""

    def __init__(self, connection: Connection, options: Options, stop: threading.Event) -> None:
        self.connection = connection
        self.options = options
        self.stop = stop
        keeps = options.keep_environment
        self._environment = environment.inherited() if keeps else environment.plain()
        self.ran = 0
        self._running: dict[int, _Running] = {}
        self._lock = threading.Lock()
        self._freed = threading.Event()
        self._over = threading.Event()

    def run(self) -> None:
        """Raises `AgentRefused` when the server takes its token no more."""
        self.options.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        pulse = threading.Thread(target=self._pulse, name="agent-pulse", daemon=True)
        pulse.start()
        stopped = threading.Thread(target=self._when_stopped, name="agent-stop", daemon=True)
        stopped.start()
        try:
            with Launcher() as launcher, ThreadPoolExecutor(self.options.slots, "agent") as pool:
                try:
                    self._claim(launcher, pool)
                    while self.options.once and self._running and not self.stop.is_set():
                        self._freed.wait(PULSE_SECONDS)
                finally:
                    self._end_all()
        finally:
            self._over.set()
            pulse.join(STOP_GRACE)
            self._quietly(self.connection.leave)

    def _claim(self, launcher: Launcher, pool: ThreadPoolExecutor) -> None:
        backoff = Backoff()
        while not self.stop.is_set():
            with self._lock:
                held = tuple(self._running)
            self._freed.clear()
            free = self.options.slots - len(held)
            if free <= 0:
                self._freed.wait(BEAT_SECONDS)
                continue
            try:
                claimed = self._ask(free, held)
            except Unreachable as error:
                wait = backoff.seconds()
                log.warning("Slipway cannot be asked (%s); again in %.1f s", error, wait)
                self.stop.wait(wait)
                continue
            backoff = Backoff()
            for order in claimed.orders:
                pool.submit(self._one, self._begun(order), launcher)
            if self.options.once:
                return
            if claimed.retry_after and not claimed.orders:
                self.stop.wait(min(claimed.retry_after, 60.0))

    def _ask(self, free: int, held: Sequence[int]) -> forms.Claimed:
        tags = self.options.tags
        asked = forms.Claim(VERSION, free, self.options.wait, tags, tuple(held))
        try:
            claimed = self.connection.claim(asked)
        except AgentRefused:
            if not self.connection.token.reread():
                raise
            claimed = self.connection.claim(asked)
        if claimed.rotate:
            self._quietly(self.connection.rotate)
        return claimed

    def _begun(self, order: forms.Order) -> _Running:
        running = _Running(order)
        with self._lock:
            self._running[order.attempt] = running
        self.ran += 1
        return running

    # -- one attempt, in a thread of the pool ------------------------------------------------------

    def _one(self, running: _Running, launcher: Launcher) -> None:
        order = running.order
        scratch = Path(tempfile.mkdtemp(dir=self.options.root, prefix=f"{order.attempt}-"))
        log.info("attempt %s of %s begins", order.attempt, order.name)
        try:
            outcome = self._attempt(running, launcher, scratch)
            self._tell(running, outcome)
        except AttemptLost as error:
            log.info("attempt %s is not ours any more: %s", order.attempt, error)
        except (Unreachable, AgentRefused, Rejected) as error:
            log.warning("the end of attempt %s cannot be told: %s", order.attempt, error)
        except Exception:
            log.exception("attempt %s ended in an error of the agent's", order.attempt)
            self._quietly(lambda: self._tell(running, _failed("the agent could not run it")))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            with self._lock:
                self._running.pop(order.attempt, None)
            self._freed.set()

    def _attempt(self, running: _Running, launcher: Launcher, scratch: Path) -> Outcome:
        order = running.order
        limits = Limits(
            order.memory, order.disk, order.processes,
            self.options.network, self.options.uid, self.options.gid,
        )  # fmt: skip
        wanted = Order(
            order.name, order.work, self._environment | order.variables, order.files,
            order.secrets, order.timeout, limits,
        )  # fmt: skip

        def write(data: bytes, own: bool) -> None:  # noqa: ARG001 - the log has both
            running.spool.write(data)

        keeper = RemoteFiles(self.connection, order)
        running.attempt = Attempt(wanted, keeper, write, launcher, scratch)
        if self.stop.is_set():
            return _failed("its agent was stopped")
        return running.attempt.run()

    def _tell(self, running: _Running, outcome: Outcome) -> None:
        if running.lost:
            return
        if outcome.status is Status.CANCELED and not self._was_canceled(running):
            outcome = _failed("its agent was stopped")
        stop = threading.Event()  # the agent's end does not cut this short
        while len(running.spool):
            again(lambda: self._send(running), seconds=TELL_SECONDS, stop=stop)
        said = forms.Finish(
            str(outcome.status), outcome.reason, outcome.message, outcome.exit_code,
            outcome.coverage,
        )  # fmt: skip
        again(lambda: self.connection.finish(running.order, said), seconds=TELL_SECONDS, stop=stop)

    def _was_canceled(self, running: _Running) -> bool:
        if not running.canceled and self.stop.is_set():
            self._quietly(lambda: self._beat([running]))
        return running.canceled

    # -- the pulse, in a thread of its own ---------------------------------------------------------

    def _pulse(self) -> None:
        beaten, backoff = 0.0, Backoff()
        while not self._over.wait(PULSE_SECONDS):
            with self._lock:
                every = list(self._running.values())
            try:
                for running in every:
                    self._send_safely(running)
                if every and time.monotonic() - beaten > BEAT_SECONDS:
                    self._beat(every)
                    beaten = time.monotonic()
                backoff = Backoff()
            except (Unreachable, Rejected) as error:
                log.warning("Slipway does not hear us: %s", error)
                self._over.wait(backoff.seconds())
            except AgentRefused as error:
                log.warning("Slipway refuses us: %s", error)
                if not self.connection.token.reread():
                    for running in every:
                        self._lose(running)

    def _send_safely(self, running: _Running) -> None:
        try:
            if len(running.spool):
                self._send(running)
        except AttemptLost:
            self._lose(running)

    def _send(self, running: _Running) -> None:
        with running.sending:
            offset, data = running.spool.next()
            if not data:
                return
            answer = self.connection.log(running.order, offset, data)
            running.spool.stored(answer.offset)
        if answer.cancel:
            self._cancel(running)

    def _beat(self, every: Sequence[_Running]) -> None:
        found = self.connection.beat({one.order.attempt: one.order.lease for one in every})
        for running in every:
            said = found.get(running.order.attempt, forms.LOST)
            if said == forms.CANCEL:
                self._cancel(running)
            elif said == forms.LOST:
                self._lose(running)

    @staticmethod
    def _cancel(running: _Running) -> None:
        if not running.canceled and running.attempt is not None:
            running.canceled = True
            running.attempt.cancel()

    def _lose(self, running: _Running) -> None:
        """Not ours any more, unless it ended this moment: kill it."""
        with self._lock:
            here = running.order.attempt in self._running
        if here and not running.lost and running.attempt is not None:
            running.lost = True
            running.attempt.cancel(grace=0)

    # -- the end -----------------------------------------------------------------------------------

    def _when_stopped(self) -> None:
        self.stop.wait()
        self._quietly(self.connection.drain)

    def _end_all(self) -> None:
        with self._lock:
            every = list(self._running.values())
        for running in every:
            if running.attempt is not None:
                running.attempt.cancel(grace=STOP_GRACE)

    @staticmethod
    def _quietly(do: object) -> None:
        try:
            do()  # type: ignore[operator]  # a function without arguments
        except (Unreachable, AgentRefused, AttemptLost, Rejected) as error:
            log.info("not heard: %s", error)


def _failed(message: str) -> Outcome:
    return Outcome(Status.FAILED, LOST, message)
