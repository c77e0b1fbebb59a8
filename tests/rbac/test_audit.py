from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from idp.common.errors import Forbidden
from rbac import appendonly, audit, sealing
from rbac.access import require
from rbac.actors import Actor, system
from rbac.models import AppendOnly, AuditHead, AuditRecord
from tests.rbac.factories import Characters, actor, make_characters

Chain = list[AuditRecord]


def raw(sql: str, *values: object) -> None:
    """What somebody with the database's password can do."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.fixture
def chain(people: Characters) -> list[AuditRecord]:
    for number in range(5):
        audit.record(
            actor(people.developer),
            "environment.scale",
            target=people.project,
            before={"replicas": number},
            after={"replicas": number + 1, "at": datetime(2026, 1, 1, tzinfo=UTC)},
        )
    audit.seal()
    return list(AuditRecord.objects.order_by("sequence"))


def test_a_record_says_who_did_what_to_what_and_where(people: Characters) -> None:
    who = Actor(user=people.developer, address="192.0.2.7", request_id="r-1")
    made = audit.record(
        who, "project.update", target=people.project, before={"a": {1}}, after={"b": people.project}
    )
    row = AuditRecord.objects.get(pk=made.pk)
    assert (row.actor, row.actor_label, row.address) == (people.developer, "dana.dev", "192.0.2.7")
    assert (row.target_type, row.target_label) == ("rbac.project", "orders")
    assert (row.scope, row.scope_label) == (people.scope, "orders")
    assert (row.before, row.after, row.request_id) == ({"a": [1]}, {"b": "orders"}, "r-1")
    assert audit.record(system("expiry"), "x.y", target=None).actor_label == "slipway (expiry)"


def test_text_that_postgresql_cannot_hold_is_made_harmless(people: Characters) -> None:
    row = audit.record(system("x"), "x.y", target="a\x00b", after={"k": "\x00"}, reason="\x00")
    assert (row.target_label, row.after, row.reason) == ("a�b", {"k": "�"}, "�")


def test_sealing_numbers_without_gaps_and_verifies(chain: Chain) -> None:
    assert [row.sequence for row in chain] == list(range(1, len(chain) + 1))
    assert chain[0].previous_hash == "0" * 64
    assert all(a.hash == b.previous_hash for a, b in pairwise(chain))
    found = audit.verify()
    assert (found.ok, found.checked, found.unsealed) == (True, len(chain), 0)
    assert found.head == chain[-1].hash
    assert audit.seal() == 0


def test_sealing_goes_on_where_it_stopped(chain: Chain) -> None:
    audit.record(system("x"), "x.y", target=None)
    audit.record(system("x"), "x.z", target=None)
    assert audit.seal(limit=1) == 1
    assert audit.verify().unsealed == 1
    assert audit.seal() == 1
    assert audit.verify().checked == len(chain) + 2


def test_a_changed_record_is_found(chain: Chain) -> None:
    raw("UPDATE rbac_auditrecord SET reason = 'nothing happened' WHERE sequence = 3")
    found = audit.verify()
    assert found.problem.startswith("Record 3 (")
    assert found.problem.endswith("was changed after it was sealed.")
    assert AuditHead.objects.get().problem == found.problem


def test_a_changed_value_inside_before_and_after_is_found(chain: Chain) -> None:
    target = next(row for row in chain if row.before is not None)
    raw(
        "UPDATE rbac_auditrecord SET after = %s WHERE sequence = %s",
        '{"replicas": 9}',
        target.sequence,
    )
    assert f"Record {target.sequence} " in audit.verify().problem


def test_a_removed_record_is_found(chain: Chain) -> None:
    raw("DELETE FROM rbac_auditrecord WHERE sequence = 2")
    assert audit.verify().problem == "Record 2 is missing: 3 follows 1."


def test_a_cut_end_is_found(chain: Chain) -> None:
    raw("DELETE FROM rbac_auditrecord WHERE sequence >= %s", len(chain))
    assert audit.verify().problem == (
        f"Record {len(chain)} and those after it are missing: {len(chain)} were sealed."
    )


def test_a_rewritten_tail_is_found_by_a_hash_that_was_noted(chain: Chain) -> None:
    call_command("audit_verify", head=chain[-1].hash)
    raw("UPDATE rbac_auditrecord SET hash='x' WHERE sequence = %s", len(chain))
    with pytest.raises(CommandError, match="is broken"):
        call_command("audit_verify")


def test_a_rewritten_tail_with_fitting_hashes_is_found_by_the_head(chain: Chain) -> None:
    """Whoever can write the table can compute hashes; the head was written by the sealer."""
    last = chain[-1]
    last.reason = "nothing to see here"
    forged = sealing.digest(sealing.content(last), len(chain), last.previous_hash)
    raw(
        "UPDATE rbac_auditrecord SET reason=%s, hash=%s WHERE sequence=%s",
        last.reason,
        forged,
        len(chain),
    )
    assert audit.verify().problem == (
        f"Record {len(chain)} is not the one that was sealed: the head has another hash."
    )


def test_records_beyond_the_head_are_found(chain: Chain) -> None:
    AuditHead.objects.update(sequence=3, hash=chain[2].hash)
    assert audit.verify().problem == (
        "Record 4 and those after it were never sealed: the head stands at 3."
    )
    AuditHead.objects.all().delete()
    assert "the head stands at 0" in audit.verify().problem


def test_what_is_sealed_during_the_walk_is_no_fault(
    people: Characters, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = AuditHead.objects.get()
    audit.record(actor(people.developer), "x.y", target=people.project)
    audit.seal()
    heads = iter([early, AuditHead.objects.get()])
    monkeypatch.setattr(sealing, "_head", lambda: next(heads))
    assert audit.verify().problem == ""


def test_the_command_says_what_it_found(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("audit_verify")
    assert f"{len(chain)} records verified, 0 not sealed yet" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no record has the hash beef"):
        call_command("audit_verify", head="beef")


def test_people_who_leave_do_not_break_the_chain(people: Characters, chain: Chain) -> None:
    people.developer.delete()
    assert audit.verify().ok


def test_records_can_neither_be_changed_nor_deleted_through_the_models(chain: Chain) -> None:
    row = chain[0]
    row.reason = "nothing happened"
    for attempt in (
        row.save,
        row.delete,
        AuditRecord.objects.all().delete,
        lambda: AuditRecord.objects.update(reason=""),
        lambda: AuditRecord.objects.filter(pk=row.pk).update(reason=""),
    ):
        with pytest.raises(AppendOnly, match="Audit records are append-only"):
            attempt()


@pytest.fixture
def triggers(db: None) -> Iterator[None]:
    appendonly.install()
    appendonly.install()
    yield
    appendonly.remove()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM rbac_auditrecord",
        "UPDATE rbac_auditrecord SET reason = 'x'",
        "UPDATE rbac_auditrecord SET hash = 'x' WHERE sequence = 1",
    ],
)
def test_the_database_itself_refuses_changes(chain: Chain, triggers: None, sql: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        raw(sql)


def test_the_database_lets_the_sealer_through(people: Characters, triggers: None) -> None:
    audit.record(system("x"), "x.y", target=None)
    assert audit.seal() > 0
    assert audit.verify().ok


@pytest.mark.django_db(transaction=True)
def test_a_denial_outlives_the_rollback_that_it_causes() -> None:
    people = make_characters()
    with pytest.raises(Forbidden), transaction.atomic():
        require(actor(people.developer), "project.manage", people.project)
    assert not AuditRecord.objects.filter(outcome="denied").exists()
    audit.flush_denials()
    row = AuditRecord.objects.get(outcome="denied")
    assert (row.action, row.actor_label) == ("project.manage", "dana.dev")
    audit.flush_denials()
    assert AuditRecord.objects.filter(outcome="denied").count() == 1


@pytest.mark.django_db(transaction=True)
def test_denials_of_a_transaction_that_goes_on_wait_for_its_end() -> None:
    people = make_characters()
    with transaction.atomic():
        for _ in range(audit.MAX_PENDING + 5):
            with pytest.raises(Forbidden):
                require(actor(people.developer), "project.manage", people.project)
        audit.flush_denials()
        assert not AuditRecord.objects.filter(outcome="denied").exists()
    audit.flush_denials()
    assert AuditRecord.objects.filter(outcome="denied").count() == audit.MAX_PENDING
