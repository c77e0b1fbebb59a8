"""Triggers by which the database itself refuses to change audit records (SQLite, PostgreSQL).

Installed after each migration while `AUDIT_APPEND_ONLY` is on; they stop accidents and SQL by hand.
Against whoever can drop triggers there is the chain of hashes.
"""

from __future__ import annotations

from django.db import connection

from rbac.models import APPEND_ONLY, AuditRecord

_TABLE = AuditRecord._meta.db_table
_SEALED = {"sequence", "previous_hash", "hash"}
_COLUMNS = [
    field.column for field in AuditRecord._meta.concrete_fields if field.column not in _SEALED
]


def _sqlite() -> list[str]:
    changed = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in _COLUMNS)
    abort = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    return [
        f"CREATE TRIGGER IF NOT EXISTS rbac_audit_keep BEFORE DELETE ON {_TABLE} {abort}",
        (
            f"CREATE TRIGGER IF NOT EXISTS rbac_audit_fixed BEFORE UPDATE ON {_TABLE}"
            f" WHEN OLD.sequence IS NOT NULL OR {changed} {abort}"
        ),
    ]


def _postgresql() -> list[str]:
    changed = " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in _COLUMNS)
    return [
        (
            "CREATE OR REPLACE FUNCTION rbac_audit_refuse() RETURNS trigger AS $$"
            f" BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$ LANGUAGE plpgsql"
        ),
        (
            f"CREATE OR REPLACE TRIGGER rbac_audit_keep BEFORE DELETE ON {_TABLE}"
            " FOR EACH ROW EXECUTE FUNCTION rbac_audit_refuse()"
        ),
        (
            f"CREATE OR REPLACE TRIGGER rbac_audit_fixed BEFORE UPDATE ON {_TABLE} FOR EACH ROW"
            f" WHEN (OLD.sequence IS NOT NULL OR {changed}) EXECUTE FUNCTION rbac_audit_refuse()"
        ),
    ]


def install() -> None:
    """Make the triggers; idempotent. Other databases have the model's refusal only."""
    statements = {"sqlite": _sqlite, "postgresql": _postgresql}.get(connection.vendor)
    with connection.cursor() as cursor:
        for statement in statements() if statements else []:
            cursor.execute(statement)


def remove() -> None:
    """Drop them, where a test empties the tables."""
    on = f" ON {_TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in ("rbac_audit_keep", "rbac_audit_fixed"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")
