"""The lint of a migration for an actor: by itself, or against a database's declared schema."""

from __future__ import annotations

from dataclasses import replace

from rbac.actors import Actor
from schemas.databases import readers, selectors
from schemas.relational import stored
from schemas.relational.lint import SERVER, Finding, lint


def lint_migration(
    actor: Actor,
    *,
    sql: str,
    server: int = SERVER,
    in_transaction: bool = False,
    database: int = 0,
) -> tuple[Finding, ...]:
    """The findings, with who reads what they touch where a database is named.

    Raises `NotVisible` for a database that the actor may not see.
    """
    if not database:
        return lint(sql, server=server, in_transaction=in_transaction)
    row = selectors.database(actor, database)
    declared, known = selectors.newest(row), readers.readers_of(row)
    model = stored.parse(declared.model) if declared else None
    found = lint(sql, server=server, in_transaction=in_transaction, model=model)
    return tuple(replace(one, readers=readers.read_by(known, one.touches)) for one in found)
