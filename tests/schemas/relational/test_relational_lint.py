"""What the lint says about a migration, where, and what silences it."""

import time
from contextlib import suppress

import pytest

from schemas.formats.base import InvalidSchema, TooComplex
from schemas.relational.lint import Finding, lint
from schemas.relational.model import Column, Model, Table
from schemas.relational.rules import RULES, Level

PATIENT = "SET lock_timeout = '2s';\n"


def found(sql: str, **options: object) -> list[tuple[str, int, str]]:
    findings = lint(PATIENT + sql, **options)  # type: ignore[arg-type]  # each test names its own
    return [(one.rule, one.line - 1, one.touches) for one in findings]


CHECKED = """
ALTER TABLE orders ADD CONSTRAINT c CHECK (total IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT c;
ALTER TABLE orders ALTER COLUMN total SET NOT NULL;
"""


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # locks and rewrites
        (
            "CREATE INDEX i ON public.orders (a);",
            [("require-concurrent-index-creation", 1, "orders")],
        ),
        ("CREATE INDEX CONCURRENTLY i ON orders (a);", []),
        ("DROP INDEX i;", [("require-concurrent-index-deletion", 1, "i")]),
        ("DROP INDEX CONCURRENTLY i;", []),
        ("REINDEX TABLE orders;", [("require-concurrent-reindex", 1, "orders")]),
        ("REINDEX TABLE CONCURRENTLY orders;", []),
        ("VACUUM FULL orders;", [("vacuum-full", 1, "orders")]),
        ("VACUUM (FULL, ANALYZE) orders;", [("vacuum-full", 1, "orders")]),
        ("VACUUM ANALYZE orders;", []),
        ("CLUSTER orders USING i;", [("cluster-table", 1, "orders")]),
        ("LOCK TABLE orders;", [("lock-table", 1, "orders")]),
        ("REFRESH MATERIALIZED VIEW v;", [("refresh-without-concurrently", 1, "v")]),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v;", []),
        ("ALTER TABLE orders SET TABLESPACE fast;", [("table-rewrite", 1, "orders")]),
        ("ALTER TABLE orders SET UNLOGGED;", [("table-rewrite", 1, "orders")]),
        (
            "ALTER TABLE orders ADD COLUMN u uuid DEFAULT gen_random_uuid();",
            [("adding-field-with-default", 1, "orders")],
        ),
        ("ALTER TABLE orders ADD COLUMN c text NOT NULL DEFAULT 'x';", []),
        ("ALTER TABLE orders ADD COLUMN d timestamptz DEFAULT now();", []),
        ("ALTER TABLE orders ADD c text NOT NULL;", [("adding-required-field", 1, "orders")]),
        ("ALTER TABLE orders ADD s bigserial;", [("adding-serial", 1, "orders")]),
        (
            "ALTER TABLE orders\n  ALTER total SET NOT NULL;",
            [("adding-not-nullable-field", 2, "orders.total")],
        ),
        (CHECKED, []),
        (
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES customers (id);",
            [("adding-foreign-key-constraint", 1, "orders")],
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES t (id) NOT VALID;",
            [],
        ),
        (
            "ALTER TABLE orders ADD CHECK (a > 0);",
            [("constraint-missing-not-valid", 1, "orders")],
        ),
        ("ALTER TABLE orders ADD UNIQUE (a);", [("disallowed-unique-constraint", 1, "orders")]),
        ("ALTER TABLE orders ADD CONSTRAINT u UNIQUE USING INDEX i;", []),
        (
            "ALTER TABLE orders ADD PRIMARY KEY (a);",
            [("adding-serial-primary-key-field", 1, "orders")],
        ),
        (
            "ALTER TABLE orders ALTER COLUMN id TYPE bigint;",
            [("changing-column-type", 1, "orders.id")],
        ),
        # lost data
        ("DROP TABLE a, b;", [("ban-drop-table", 1, "a"), ("ban-drop-table", 1, "b")]),
        (
            'ALTER TABLE "Öö" DROP "é", DROP COLUMN IF EXISTS b;',
            [("ban-drop-column", 1, '"Öö"."é"'), ("ban-drop-column", 1, '"Öö".b')],
        ),
        ("TRUNCATE a, b;", [("truncate-table", 1, "a"), ("truncate-table", 1, "b")]),
        ("DELETE FROM billing.orders;", [("delete-without-where", 1, "billing.orders")]),
        ("DELETE FROM orders WHERE id = 1;", []),
        ("UPDATE orders SET a = 1;", [("update-without-where", 1, "orders")]),
        ("DROP SCHEMA s CASCADE;", [("ban-drop-schema", 1, "s"), ("drop-cascade", 1, "s")]),
        ("DROP DATABASE d;", [("ban-drop-database", 1, "d")]),
        # broken code
        ("ALTER TABLE a RENAME TO b;", [("renaming-table", 1, "a")]),
        ("ALTER TABLE a RENAME b TO c;", [("renaming-column", 1, "a.b")]),
        ("ALTER TABLE a RENAME COLUMN b TO c;", [("renaming-column", 1, "a.b")]),
        ("DROP VIEW v;", [("ban-drop-view", 1, "v")]),
        (
            "DROP FUNCTION f(int, text), g();",
            [("ban-drop-function", 1, "f"), ("ban-drop-function", 1, "g")],
        ),
        ("DROP TYPE t;", [("ban-drop-type", 1, "t")]),
        ("ALTER TABLE a ALTER b DROP NOT NULL;", [("ban-drop-not-null", 1, "a.b")]),
        # a table that is new blocks nobody
        ("CREATE TABLE t (a int);\nCREATE INDEX i ON t (a);\nALTER TABLE t ADD UNIQUE (a);", []),
        ("CREATE TABLE t (a int);\nDROP TABLE t;", []),
        ("DROP TABLE t;\nCREATE TABLE t (a int);", [("ban-drop-table", 1, "t")]),
        (
            "CREATE TABLE IF NOT EXISTS t (a int);\nCREATE INDEX i ON t (a);",
            [("require-concurrent-index-creation", 2, "t")],
        ),
        ("CREATE TABLE t (a int REFERENCES o (id) ON DELETE CASCADE);", []),
        ("DO $$ BEGIN DELETE FROM orders; END $$;", [("unseen-code", 1, "")]),
        ("SELECT 'DROP TABLE a; -- x';\nCOMMENT ON TABLE a IS 'TRUNCATE b';", []),
        ("", []),
        ("-- nothing\n;;", []),
    ],
)
def test_rules(sql: str, expected: list[tuple[str, int, str]]) -> None:
    assert found(sql) == expected


def test_concurrently_in_a_transaction() -> None:
    sql = "CREATE INDEX CONCURRENTLY i ON orders (a);"
    assert found(f"BEGIN;\n{sql}\nCOMMIT;") == [("concurrently-in-transaction", 2, "orders")]
    assert found(f"BEGIN;\nCOMMIT;\n{sql}") == []
    assert found(sql, in_transaction=True) == [("concurrently-in-transaction", 1, "orders")]


def test_a_new_enum_value_in_a_transaction_is_told_before_release_12() -> None:
    sql = "ALTER TYPE mood ADD VALUE 'x';"
    assert found(sql, server=110000, in_transaction=True) == [
        ("enum-value-in-transaction", 1, "mood")
    ]
    assert found(sql, server=150000, in_transaction=True) == []
    assert found(sql, server=110000) == []


def test_a_missing_lock_timeout_is_a_warning() -> None:
    one, *rest = lint("ALTER TABLE orders ADD COLUMN note text;")
    assert (one.rule, one.level, one.refuses, rest) == (
        "require-lock-timeout",
        Level.WARNING,
        False,
        [],
    )


def test_the_target_knows_the_old_type() -> None:
    columns = (
        Column("name", "character varying(20)"),
        Column("id", "integer"),
        Column("total", "numeric(10,2)"),
    )
    model = Model(tables=(Table("public", "orders", columns),))
    change = "ALTER TABLE orders ALTER COLUMN {} TYPE {};"

    def said(column: str, kind: str) -> list[str]:
        sql = PATIENT + change.format(column, kind)
        return [one.sentence for one in lint(sql, model=model)]

    assert said("name", "varchar(40)") == []
    assert said("name", "text USING name::text") == []
    assert said("total", "decimal(14, 2)") == []
    assert said("id", "int") == []
    (sentence,) = said("id", "bigint")
    assert sentence.endswith("needs the old: it is `integer` and becomes `bigint`.")
    assert len(said("name", "varchar(5)")) == len(said("total", "numeric(9,2)")) == 1
    assert len(said("other", "bigint")) == 1


def by_rule(sql: str) -> dict[str, Finding]:
    return {one.rule: one for one in lint(PATIENT + sql)}


def test_an_acknowledgement_needs_its_reason() -> None:
    one = by_rule("-- slipway: allow ban-drop-table nobody reads it since May\nDROP TABLE a;")
    assert one["ban-drop-table"].acknowledged == "nobody reads it since May"
    assert not one["ban-drop-table"].refuses
    two = by_rule("-- slipway: allow ban-drop-table\nDROP TABLE a;")
    assert two["ban-drop-table"].refuses
    assert two["acknowledgement-without-reason"].refuses
    assert two["acknowledgement-without-reason"].line == 2


@pytest.mark.parametrize(
    "sql",
    [
        "-- slipway: allow ban-drop-table why\n\nDROP TABLE a;",
        "SELECT 1; -- slipway: allow ban-drop-table why\nDROP TABLE a;",
        "SELECT '\n-- slipway: allow ban-drop-table why\n'; DROP TABLE a;",
        "/*\n-- slipway: allow ban-drop-table why\n*/ DROP TABLE a;",
        "-- slipway: allow truncate-table why\nDROP TABLE a;",
        "-- squawk-ignore ban-drop-table\nDROP TABLE a;",
        "-- squawk-ignore-file\nDROP TABLE a;",
    ],
)
def test_other_comments_acknowledge_nothing(sql: str) -> None:
    assert by_rule(sql)["ban-drop-table"].refuses


def test_several_rules_may_be_acknowledged_above_one_line() -> None:
    one = by_rule(
        "-- slipway: allow ban-drop-column done\n-- slipway: allow drop-cascade checked\n"
        "ALTER TABLE a DROP b CASCADE;\n-- slipway: allow lock-table never\nSELECT 1"
    )
    assert one["ban-drop-column"].acknowledged == "done"
    assert one["drop-cascade"].acknowledged == "checked"
    assert one["acknowledgement-unused"].line == 5


def test_an_acknowledgement_may_stand_inside_a_statement() -> None:
    one = by_rule(
        "ALTER TABLE a\n  ADD c text,\n  -- slipway: allow ban-drop-column why\n  DROP b;"
    )
    assert one["ban-drop-column"].acknowledged == "why"


def test_a_finding_says_what_to_do() -> None:
    one = lint(PATIENT + "  CREATE INDEX i ON orders (a);")[0]
    assert (one.line, one.column) == (2, 3)
    assert one.sentence == (
        "CREATE INDEX without CONCURRENTLY blocks every write to `orders` until it is built."
    )
    assert one.fix == "Write CREATE INDEX CONCURRENTLY, outside a transaction."


def test_every_rule_says_what_to_do() -> None:
    for rule in RULES.values():
        assert rule.sentence.endswith(".")
        assert rule.fix.endswith(".")


def test_what_is_no_sql_is_told_with_its_line() -> None:
    one = lint("SELECT 1;\nSELCT 2 FROM;")[0]
    assert (one.rule, one.line) == ("syntax-error", 2)
    with pytest.raises(InvalidSchema, match=r"line 2: The quote is not closed"):
        lint("SELECT 1;\nSELECT 'x")
    with pytest.raises(InvalidSchema, match=r"line 1: A command of psql"):
        lint("\\! id")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 190_000,
        "SELECT " + "-".join(["1"] * 90_000),
        "SELECT " + "CASE WHEN " * 19_000,
        "SELECT 1;" * 5_001,
        "DROP TABLE a;" * 4_999,
        "x" * 200_001,
        "$a$ " * 49_001,
        "/*" * 99_000,
        "'" * 100_001,
        '"' * 100_001,
        "ALTER TABLE a " + "DROP b," * 25_000 + "DROP c",
        "DROP TABLE " + "a," * 90_000 + "a",
        "CREATE FUNCTION f() BEGIN ATOMIC " + "CASE " * 35_000,
        "-- slipway: allow a b\n" * 9_000,
        "SELECT e'" + "\\'" * 90_000,
    ],
)
def test_hostile_texts_end_soon(sql: str) -> None:
    began = time.monotonic()
    with suppress(InvalidSchema, TooComplex):
        lint(sql)
    assert time.monotonic() - began < 12
