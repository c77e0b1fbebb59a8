"""A database with versions, places and drift, made without any PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

from rbac.actors import Actor
from rbac.models import Project
from rbac.scopes import environment_scope
from schemas.backends.scratch import Loaded, Skipped
from schemas.databases import declaring, measuring, readers, services, snapshots
from schemas.databases.models import Database, DatabaseInstance, Declaration
from schemas.formats.base import InvalidSchema
from schemas.relational import stored
from schemas.relational.model import (
    Column,
    Constraint,
    ConstraintKind,
    Enum,
    Index,
    Model,
    Schema,
    Table,
    View,
)

URL = "postgresql://reader:sesame-open@db.example.org:5432/orders?sslmode=require"
SQL = "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);\n"
VIEW = "CREATE VIEW open_orders AS SELECT id FROM orders;\n"
_KEY = Column("id", "bigint", nullable=False)


def _table(name: str, *columns: Column, refers_to: str = "") -> Table:
    key = Constraint(f"{name}_pkey", ConstraintKind.PRIMARY_KEY, "PRIMARY KEY (id)", ("id",))
    keys = [key]
    if refers_to:
        columns = (*columns, Column(f"{refers_to}_id", "bigint"))
        text = f"FOREIGN KEY ({refers_to}_id) REFERENCES public.{refers_to}(id)"
        keys.append(
            Constraint(
                f"{name}_{refers_to}_fkey",
                ConstraintKind.FOREIGN_KEY,
                text,
                (f"{refers_to}_id",),
                refers_to,
                ("id",),
            )
        )
    return Table("public", name, (_KEY, *columns), tuple(keys))


SHOP = Model(
    schemas=(Schema("public"),),
    tables=(
        _table("customers", Column("name", "text", nullable=False)),
        _table("orders", Column("state", "text", default="'new'::text"), refers_to="customers"),
        replace(_table("lines", Column("note", "text"), refers_to="orders"), comment="Of orders"),
    ),
    views=(View("public", "open_orders", " SELECT id\n   FROM public.orders;", columns=(_KEY,)),),
    enums=(Enum("public", "mood", ("fine", "bad")),),
    server=150018,
)
STRAY = Index("by_note", "USING btree (note)", columns=("note",))


def without_column(name: str, model: Model = SHOP) -> Model:
    """The model whose tables have no column of this name."""
    tables = [
        replace(one, columns=tuple(held for held in one.columns if held.name != name))
        for one in model.tables
    ]
    return replace(model, tables=tuple(tables))


def drifted(model: Model = SHOP) -> Model:
    """The model with an index that nobody declared."""
    first, *rest = model.tables
    return replace(model, tables=(replace(first, indexes=(STRAY,)), *rest))


def declare(actor: Actor, database: Database, sql: str, **how: Any) -> Declaration:
    """Handed in, read at once, and every place measured."""
    row = declaring.ask(actor, database, sql, **how)
    assert declaring.work(row.pk)
    measure(database)
    row.refresh_from_db()
    database.refresh_from_db()
    return row


def measure(database: Database) -> None:
    for place in database.instances.all():
        measuring.measure(place.pk)


def declare_model(
    actor: Actor, database: Database, model: Model, sql: str = SQL, **how: Any
) -> Declaration:
    """Without any PostgreSQL."""
    loaded = Loaded(model, 4, (Skipped(3, "GRANT SELECT ON orders TO bob"),))
    with mock.patch.object(declaring, "_load", return_value=loaded):
        return declare(actor, database, sql, **how)


def refused(actor: Actor, database: Database) -> None:
    """A declaration whose SQL is wrong."""
    wrong = InvalidSchema.at("line 1", "sql", "syntax error at or near “TABEL”")
    with mock.patch.object(declaring, "_load", side_effect=wrong):
        declare(actor, database, "CREATE TABEL orders ();")


def live(
    actor: Actor, database: Database, environment: str, model: Model | Exception
) -> DatabaseInstance:
    """A place of the database where this was read, or where reading failed with this."""
    row = services.add_instance(actor, database, environment=environment, url=URL)
    return look(row, model)


def look(row: DatabaseInstance, model: Model | Exception) -> DatabaseInstance:
    """Read again, and find this."""
    DatabaseInstance.objects.filter(pk=row.pk).update(checked_at=None)
    answer = {"side_effect" if isinstance(model, Exception) else "return_value": model}
    with mock.patch.object(snapshots, "_read", **answer):
        snapshots.look(row.pk)
    row.refresh_from_db()
    return row


def read_by(database: Database, project: Project) -> None:
    """Somebody in staging declared that they read a column."""
    scope = environment_scope(project, "staging", "reader")
    fact = [{"database": str(database), "tables": ["lines.note"], "workload": "reports"}]
    readers.record(scope, None, {readers.FACT: fact})


def make_ledger(actor: Actor, project: Project) -> Database:
    """Read without PostgreSQL; staging waits for a migration that closes the gate."""
    database = services.add_database(actor, project, name="ledger")
    entries = "CREATE TABLE entries (id int PRIMARY KEY, note text);\nCREATE DOMAIN code AS text;"
    declare(actor, database, entries)
    place = live(actor, database, "staging", Model())
    there = stored.parse(database.versions.get().model)
    sql = "SET lock_timeout = '2s';\nALTER TABLE entries DROP COLUMN note;"
    declare(actor, database, sql, on_top=True, file="migrations/0002.sql")
    look(place, there)
    live(actor, database, "production", there)
    fact = [{"database": str(database), "tables": ["entries"], "workload": "reports"}]
    scope = environment_scope(project, "staging", "reader")
    readers.record(scope, None, {readers.FACT: fact})
    return database


def make_database(actor: Actor, project: Project, name: str = "main") -> Database:
    """Two versions; production is as declared, staging has an index too many."""
    database = services.add_database(actor, project, name=name, component="orders-api")
    declare_model(actor, database, replace(SHOP, views=()))
    declare_model(actor, database, SHOP, SQL + VIEW)
    refused(actor, database)
    live(actor, database, "staging", drifted())
    live(actor, database, "production", SHOP)
    read_by(database, project)
    database.refresh_from_db()
    return database
