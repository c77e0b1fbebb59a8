"""The lint of a migration for an actor: by itself, or against a database's declared schema."""

from __future__ import annotations

from rbac.actors import Actor
from schemas.databases import selectors
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
    """The findings; raises `NotVisible` for a database that the actor may not see."""
    model = None
    if database:
        declared = selectors.newest(selectors.database(actor, database))
        model = stored.parse(declared.model) if declared else None
    return lint(sql, server=server, in_transaction=in_transaction, model=model)
