"""Leases, the sweeper, the controller's leadership and many workers at once, on real threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from idp.changes import controller, leases, runner, waiting
from idp.changes.leases import LeaseLost, Renewal
from idp.changes.models import Change, ControllerLease
from idp.common import jobs
from idp.common.errors import Clash
from tests.changes.conftest import Propose
from tests.changes.fake import World
from tests.rbac.factories import Characters

State = Change.State
SECONDS = 30.0


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Ids in messages, instead of a broker."""
    found: list[int] = []

    def enqueue(name: str, **kwargs: int) -> None:
        assert name == "changes.work"
        found.append(kwargs["change_id"])

    monkeypatch.setattr(jobs, "enqueue", enqueue)
    return found


def together(count: int, work: Callable[[int], object]) -> None:
    """Run `work(n)` in `count` threads that start at the same moment; its errors are raised."""
    barrier = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(n: int) -> None:
        try:
            barrier.wait(SECONDS)
            work(n)
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    if errors:
        raise errors[0]


@pytest.mark.django_db
def test_a_lease_is_exclusive_renewed_and_given_back(propose: Propose) -> None:
    change = propose()
    lease = leases.claim(Change, change.pk, seconds=5, name="w1")
    assert lease
    assert lease.token == 1
    assert leases.shown(lease.holder) == "w1"
    assert leases.claim(Change, change.pk) is None
    leases.renew(lease)
    assert leases.release(lease, wait=60)
    assert leases.claim(Change, change.pk) is None  # not before a minute has passed
    Change.objects.update(not_before=None)
    second = leases.claim(Change, change.pk)
    assert second
    assert (second.token, second.taken_from) == (2, "")


@pytest.mark.django_db
def test_an_old_token_writes_nothing(propose: Propose) -> None:
    change = propose()
    old = leases.claim(Change, change.pk, name="w1")
    assert old
    Change.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    new = leases.claim(Change, change.pk, name="w2")
    assert new
    assert new.taken_from == "w1"
    with pytest.raises(LeaseLost, match=r"w1#.* lost row"):
        leases.renew(old)
    with pytest.raises(LeaseLost), leases.fenced(old):
        pass
    assert not leases.release(old)
    with leases.fenced(new) as row:
        assert row.lease_token == 2


@pytest.mark.django_db
def test_a_claim_asks_its_condition(propose: Propose) -> None:
    change = propose()
    assert leases.claim(Change, change.pk, where=Q(state=State.OBSERVING)) is None
    assert leases.claim(Change, 999_999) is None


@pytest.mark.django_db
def test_the_sweeper_sends_what_was_lost_and_backs_off(propose: Propose, sent: list[int]) -> None:
    change = propose()
    assert sent == [change.pk]
    assert controller.sweep() == []  # the first message may still be under way
    past = timezone.now() - timedelta(seconds=1)
    for sends in (2, 3):
        Change.objects.update(resend_at=past)
        assert controller.sweep() == [change.pk]
        change.refresh_from_db()
        assert change.sends == sends
        assert controller.sweep() == []
    assert change.resend_at
    assert change.resend_at > timezone.now() + timedelta(seconds=35)  # 10 s, 20 s, 40 s
    lease = leases.claim(Change, change.pk)
    assert lease
    assert controller.sweep() == []
    Change.objects.update(lease_until=past)
    assert controller.sweep() == [change.pk]  # its worker died
    assert sent == [change.pk] * 4


@pytest.mark.django_db
def test_changes_that_people_decide_are_not_swept(propose: Propose, sent: list[int]) -> None:
    change = propose()
    Change.objects.update(resend_at=None)
    for state in set(Change.State) - {State.PLANNING, State.APPLYING}:
        Change.objects.filter(pk=change.pk).update(state=state)
        assert controller.sweep() == []


@pytest.mark.django_db(transaction=True)
def test_a_renewal_keeps_the_lease_and_notices_its_loss(propose: Propose) -> None:
    change = propose()
    lease = leases.claim(Change, change.pk, seconds=0.4)
    assert lease
    with Renewal(lease) as renewal:
        until = Change.objects.get(pk=change.pk).lease_until
        assert not renewal.lost.wait(0.6)
        later = Change.objects.get(pk=change.pk).lease_until
        assert until
        assert later
        assert later > until
        Change.objects.update(lease_token=99)
        assert renewal.lost.wait(SECONDS)


@pytest.mark.django_db(transaction=True)
def test_many_workers_do_each_change_once(
    propose: Propose, world: World, people: Characters, sent: list[int]
) -> None:
    tiers = ["development", "staging", "production", "preview"]
    changes = [
        propose(things=[f"{tier}-{n}"], scope=people.tier(tier)) for n in range(2) for tier in tiers
    ]

    def work(_: int) -> None:
        for _round in range(40):
            for change in changes:
                runner.work(change.pk)
            controller.observe_due()
            waiting.reevaluate()
            if not Change.objects.filter(state__in=Change.OPEN).exists():
                return

    together(4, work)
    assert set(Change.objects.values_list("state", flat=True)) == {State.SUCCEEDED}
    assert set(world.made.values()) == {1}
    assert len(world.made) == len(changes)
    assert sorted(world.ended) == sorted(c.pk for c in changes)


@pytest.mark.django_db(transaction=True)
def test_one_key_makes_one_change_from_many_browsers(propose: Propose, sent: list[int]) -> None:
    made: list[int] = []
    together(4, lambda _: made.append(propose(idempotency_key="same").pk))
    assert len(made) == 4
    assert len(set(made)) == 1
    assert Change.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_controller_leads_and_another_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "LEASE_SECONDS", 0.6)
    monkeypatch.setattr(controller, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(controller, "_periodic", {})
    monkeypatch.setattr(controller, "_watchers", {})
    ticks: list[str] = []
    leading = threading.Event()
    taken = threading.Event()
    ended = threading.Event()

    def count() -> None:
        name = threading.current_thread().name.partition("/")[0]
        ticks.append(name)
        leading.set()
        if name != ticks[0]:
            taken.set()

    def watch(stop: threading.Event) -> None:
        stop.wait(SECONDS)
        ended.set()

    controller.register_periodic("count", 0, count)
    controller.register_watcher("watch", watch)
    with pytest.raises(ValueError, match="'count' is registered twice"):
        controller.register_periodic("count", 0, count)
    with pytest.raises(ValueError, match="'watch' is registered twice"):
        controller.register_watcher("watch", watch)
    stops = {name: threading.Event() for name in ("one", "two")}
    threads = {
        name: threading.Thread(target=controller.run_forever, args=(stop,), name=name)
        for name, stop in stops.items()
    }
    for thread in threads.values():
        thread.start()
    assert leading.wait(SECONDS)
    first = ticks[0]
    assert set(ticks) == {first}
    stops[first].set()
    threads[first].join(SECONDS)
    assert ended.wait(SECONDS)
    assert taken.wait(SECONDS)
    for stop in stops.values():
        stop.set()
    for thread in threads.values():
        thread.join(SECONDS)
    row = ControllerLease.objects.get()
    assert (row.lease_until, row.lease_token) == (None, 2)


@pytest.mark.django_db(transaction=True)
def test_a_part_that_hangs_or_fails_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(controller, "_periodic", {})
    monkeypatch.setattr(controller, "_watchers", {})
    stop, hung, thrice = threading.Event(), threading.Event(), threading.Event()
    ran: list[str] = []

    def fails() -> None:
        ran.append("fails")
        raise RuntimeError("broken")

    def works() -> None:
        ran.append("works")
        if ran.count("works") >= 3 and ran.count("fails") >= 3:
            thrice.set()

    def hangs() -> None:
        hung.set()
        stop.wait(SECONDS)

    controller.register_periodic("hangs", 0, hangs)
    controller.register_periodic("fails", 0, fails)
    controller.register_periodic("works", 0, works, vital=True)
    thread = threading.Thread(target=controller.run_forever, args=(stop,), name="one")
    thread.start()
    assert hung.wait(SECONDS)
    assert thrice.wait(SECONDS)
    stop.set()
    thread.join(SECONDS)


@pytest.mark.django_db(transaction=True)
def test_leadership_is_given_back_when_a_vital_part_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(controller, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(controller, "STUCK_SECONDS", 0.1)
    monkeypatch.setattr(controller, "_periodic", {})
    monkeypatch.setattr(controller, "_watchers", {})
    stop, again = threading.Event(), threading.Event()
    runs: list[int] = []

    def stands_still() -> None:
        runs.append(1)
        if len(runs) > 1:
            again.set()  # taken over, and begun anew
        stop.wait(2)

    controller.register_periodic("vital", 0, stands_still, vital=True)
    thread = threading.Thread(target=controller.run_forever, args=(stop,), name="one")
    thread.start()
    assert again.wait(SECONDS)
    stop.set()
    thread.join(SECONDS)
    assert ControllerLease.objects.get().lease_token >= 2


@pytest.mark.django_db
def test_the_same_key_for_another_request_is_refused(propose: Propose, people: Characters) -> None:
    first = propose(idempotency_key="k1")
    assert propose(idempotency_key="k1").pk == first.pk
    with pytest.raises(Clash, match=f"was used for change {first.pk}"):
        propose(idempotency_key="k1", scope=people.tier("staging"))
