"""A live PostgreSQL: what is read, what is told, and that a dump and its origin are equal."""

import random
import subprocess
from collections.abc import Callable

import pytest

from deploy.servers import postgres_programs
from schemas.backends.postgres import read
from schemas.relational import stored
from schemas.relational.diff import TOOLS, differences
from schemas.relational.differences import Action, Kind, Risk, Sides
from schemas.relational.model import Model

Run = Callable[..., None]
Declared = Callable[[str], Model]


def dumped(url: str) -> str:
    programs = postgres_programs()
    assert programs is not None
    command = [str(programs / "pg_dump"), "--schema-only", "--dbname", url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def told(old: Model, new: Model) -> list[str]:
    return [one.sentence for one in differences(old, new)]


def test_a_database_equals_its_own_dump(
    complex_sql: str, postgres_server: str, run: Run, declared: Declared
) -> None:
    run(complex_sql)
    live = read(postgres_server)
    declared = declared(dumped(postgres_server))
    assert told(live, declared) == []
    assert told(declared, live) == []
    assert stored.parse(stored.dump(live)) == live
    assert live.unread == ("1 collations",)
    assert {one.name for one in live.extensions} == {"citext", "btree_gist"}
    assert not [one for one in live.routines if "gist" in one.name or "citext" in one.name]


def test_declared_sql_loads_as_the_live_database_did(
    complex_sql: str, postgres_server: str, run: Run, declared: Declared
) -> None:
    run(complex_sql)
    loaded = declared(complex_sql)
    assert told(read(postgres_server), loaded) == []
    assert stored.digest(read(postgres_server)) == stored.digest(loaded)


SHOP = """
CREATE TYPE mood AS ENUM ('fine', 'bad', 'sad');
CREATE TABLE customers (id int PRIMARY KEY, name varchar(40) NOT NULL);
CREATE TABLE orders (
    id int CONSTRAINT orders_pkey PRIMARY KEY, customer int, total numeric(12,2) DEFAULT 0,
    code text, state text NOT NULL DEFAULT 'new', note text, mood mood,
    CONSTRAINT orders_code_key UNIQUE (code),
    CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customers (id),
    CONSTRAINT orders_total_check CHECK (total >= 0)
);
CREATE TABLE audit (at timestamptz, what text);
CREATE TABLE tags (id int NOT NULL CONSTRAINT tags_pkey PRIMARY KEY, name text);
CREATE INDEX orders_state_idx ON orders (state);
CREATE VIEW open_orders AS SELECT id, total FROM orders WHERE state = 'new';
CREATE FUNCTION tax(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
SELECT amount * 0.19
$$;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER stamped BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
COMMENT ON TABLE orders IS 'What was bought';
"""

SEEDED = (
    "DROP TABLE audit",
    "ALTER TABLE orders ADD COLUMN colour text",
    "ALTER TABLE customers ALTER COLUMN name TYPE varchar(60)",
    "ALTER TABLE orders ALTER COLUMN total SET DEFAULT 1",
    "ALTER TABLE orders ALTER COLUMN state DROP NOT NULL",
    "ALTER TABLE tags DROP CONSTRAINT tags_pkey",
    "ALTER TABLE orders DROP CONSTRAINT orders_code_key",
    "ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey",
    "ALTER TABLE orders ADD CONSTRAINT late FOREIGN KEY (customer) REFERENCES customers (id)",
    "ALTER TABLE orders DROP CONSTRAINT late",
    "ALTER TABLE orders DROP CONSTRAINT orders_total_check",
    "ALTER TABLE orders ADD CONSTRAINT orders_total_check CHECK (total > 0)",
    "CREATE INDEX by_note ON orders (note)",
    "ALTER TYPE mood RENAME TO old_mood",
    "CREATE TYPE mood AS ENUM ('fine', 'bad')",
    "ALTER TABLE orders ALTER COLUMN mood TYPE mood USING mood::text::mood",
    "DROP TYPE old_mood",
    "CREATE OR REPLACE VIEW open_orders AS SELECT id, total FROM orders WHERE state <> 'old'",
    SHOP[SHOP.index("CREATE FUNCTION tax") : SHOP.index("CREATE FUNCTION stamp")]
    .replace("CREATE", "CREATE OR REPLACE")
    .replace("0.19", "0.16"),
    "DROP TRIGGER stamped ON orders",
    "COMMENT ON TABLE orders IS 'What was sold'",
)

SENTENCES = {
    Kind.TABLE: "Table `audit` is declared, but missing there.",
    Kind.COLUMN: "Column `orders.colour` (`text`) exists there, but is not declared.",
    Kind.TYPE: "Column `customers.name` is `character varying(60)` there, "
    "declared `character varying(40)`.",
    Kind.DEFAULT: "The default of `orders.total` is `1` there, declared `0`.",
    Kind.NULLABILITY: "Column `orders.state` is nullable there, declared NOT NULL.",
    Kind.PRIMARY_KEY: "Primary key `tags_pkey` of `tags` (`PRIMARY KEY (id)`) is declared, "
    "but missing there.",
    Kind.UNIQUE: "Unique constraint `orders_code_key` of `orders` (`UNIQUE (code)`) is declared, "
    "but missing there.",
    Kind.FOREIGN_KEY: "Foreign key `orders_customer_fkey` of `orders` (`FOREIGN KEY (customer) "
    "REFERENCES public.customers(id)`) is declared, but missing there.",
    Kind.CHECK: "Check constraint `orders.orders_total_check` is defined differently: "
    "`CHECK ((total > (0)::numeric))` there, declared `CHECK ((total >= (0)::numeric))`.",
    Kind.INDEX: "Index `by_note` of `orders` (`USING btree (note)`) exists there, "
    "but is not declared.",
    Kind.ENUM_LABEL: "Enum label `sad` of `mood` is declared, but missing there.",
    Kind.VIEW: "View `open_orders` is defined differently: line 4 is "
    "`WHERE (orders.state <> 'old'::text);` there, declared `WHERE (orders.state = 'new'::text);`.",
    Kind.FUNCTION: "Function `tax(amount numeric)` is defined differently: line 6 is "
    "`SELECT amount * 0.16` there, declared `SELECT amount * 0.19`.",
    Kind.TRIGGER: "Trigger `stamped` of `orders` (`CREATE TRIGGER stamped BEFORE INSERT ON "
    "public.orders FOR EACH ROW EXECUTE FUNCTION public.stamp()`) is declared, but missing there.",
    Kind.COMMENT: "The comment on `orders` is `What was sold` there, declared `What was bought`.",
}


def test_fifteen_seeded_differences_are_told_and_none_else(
    postgres_server: str, run: Run, declared: Declared
) -> None:
    run(SHOP, *SEEDED)
    found = differences(read(postgres_server), declared(SHOP))
    assert {one.kind: one.sentence for one in found} == SENTENCES
    assert len(found) == 15


def test_two_environments_are_named(postgres_server: str, run: Run, declared: Declared) -> None:
    run(SHOP, "CREATE INDEX by_note ON orders (note)", "DROP TABLE tags")
    sides = Sides("in staging", "in production")
    found = differences(read(postgres_server), declared(SHOP), sides)
    assert [one.sentence for one in found] == [
        "Table `tags` is in production, but missing in staging.",
        (
            "Index `by_note` of `orders` (`USING btree (note)`) exists in staging, "
            "but is not in production."
        ),
    ]


RENAMED = (
    "Index of `orders` is named `other` there, declared `orders_state_idx`; "
    "both are equal otherwise."
)


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        (
            "ALTER INDEX orders_state_idx RENAME TO other",
            [RENAMED],
        ),
        (
            "ALTER TABLE orders ALTER COLUMN state TYPE varchar(9)",
            ["Column `orders.state` is `character varying(9)` there, declared `text`."],
        ),
        (
            "ALTER TABLE orders DROP COLUMN note, ADD COLUMN note text",
            [],  # the order of columns is no difference
        ),
        (
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            ["Row-level security of `orders` is `on` there, declared `off`."],
        ),
        (
            "CREATE SEQUENCE extra",
            ["Sequence `extra` exists there, but is not declared."],
        ),
        (
            "ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'bad'",
            ["Enum label `so-so` of `mood` exists there, but is not declared."],
        ),
        (
            "CREATE TABLE django_migrations (id serial PRIMARY KEY)",
            [],
        ),
    ],
)
def test_one_change(
    change: str, sentences: list[str], postgres_server: str, run: Run, declared: Declared
) -> None:
    view = "DROP VIEW open_orders"
    again = "CREATE VIEW open_orders AS SELECT id, total FROM orders WHERE state = 'new'"
    run(SHOP, view, change, again)
    found = differences(read(postgres_server), declared(SHOP), ignoring=TOOLS)
    assert [one.sentence for one in found] == sentences


TYPES = (
    "int",
    "bigint",
    "text",
    "varchar(7)",
    "char(4)",
    "numeric(8,3)",
    "timestamptz(2)",
    "date[]",
    "uuid",
    "jsonb",
    "interval day to second(3)",
    "bit(3)",
    "double precision",
    "time with time zone",
    '"char"',
    "inet",
)
CHECKS = (
    "{0} IS NOT NULL",
    "{0}::text IN ('a', 'b')",
    "{0}::varchar(9) IN ('a', 'it''s', 'c,d')",
    "length({0}::text) BETWEEN 1 AND 9",
    "({0}::text ~ '^[a-z]+$') IS NOT FALSE",
    "coalesce({0}::text, '') <> ALL (ARRAY['x', 'y'])",
    "NOT ({0}::text LIKE 'a%' AND {0}::text > 'b' OR {0} IS NULL)",
    "{0}::text COLLATE \"C\" < 'm'",
)


def random_schema(seed: int) -> str:
    chosen = random.Random(seed)  # noqa: S311  # test data
    parts = []
    for table in range(chosen.randint(2, 6)):
        columns = [f'"c {n}" {chosen.choice(TYPES)}' for n in range(chosen.randint(1, 8))]
        parts.append(f"CREATE TABLE t{table} (id serial PRIMARY KEY, {', '.join(columns)});")
        for number in range(len(columns)):
            check = chosen.choice(CHECKS).format(f'"c {number}"')
            kind = chosen.randrange(4)
            if kind == 0:
                parts.append(f"ALTER TABLE t{table} ADD CHECK ({check});")
            elif kind == 1:
                parts.append(f'CREATE INDEX ON t{table} (id DESC) WHERE "c {number}" IS NULL;')
            elif kind == 2:
                parts.append(f"CREATE VIEW v{table}_{number} AS TABLE t{table};")
                parts.append(f"CREATE POLICY p{number} ON t{table} USING ({check});")
            else:
                other = chosen.randrange(table + 1)
                parts.append(f"ALTER TABLE t{table} ADD r{number} int REFERENCES t{other} (id);")
    return "\n".join(parts)


@pytest.mark.parametrize("seed", range(8))
def test_random_schemas_have_no_false_differences(
    seed: int, postgres_server: str, run: Run, declared: Declared
) -> None:
    run(random_schema(seed))
    assert told(read(postgres_server), declared(dumped(postgres_server))) == []


def test_risks(postgres_server: str, run: Run, declared: Declared) -> None:
    run(SHOP, *SEEDED)
    found = differences(read(postgres_server), declared(SHOP))
    risks = {one.kind: (one.action, one.risk) for one in found}
    assert risks[Kind.COLUMN] == (Action.REMOVED, Risk.LOSES)
    assert risks[Kind.TYPE] == (Action.CHANGED, Risk.LOSES)
    assert risks[Kind.FOREIGN_KEY] == (Action.ADDED, Risk.LOCKS)
    assert risks[Kind.COMMENT] == (Action.CHANGED, Risk.HARMLESS)
