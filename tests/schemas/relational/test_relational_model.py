"""Models as text and back, statements and expressions: what needs no server."""

import dataclasses
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.formats.base import InvalidSchema, TooComplex
from schemas.relational import normal, stored
from schemas.relational.diff import differences
from schemas.relational.differences import Action, Kind, Risk, Sides
from schemas.relational.model import (
    Column,
    Composite,
    DatabaseSequence,
    Domain,
    Enum,
    Extension,
    Index,
    Model,
    Policy,
    Range,
    Routine,
    Rule,
    Schema,
    Table,
    Trigger,
    View,
    path,
)
from schemas.relational.statements import Lines, statements
from schemas.relational.tables import type_risk

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
st.register_type_strategy(str, TEXT)


@settings(max_examples=40, deadline=None)
@given(st.from_type(Model))
def test_a_model_survives_its_text(model: Model) -> None:
    text = stored.dump(model)
    assert stored.parse(text) == model
    assert stored.dump(stored.parse(text)) == text
    assert differences(model, model) == ()


def test_the_digest_is_of_what_is_compared() -> None:
    model = Model(schemas=(Schema("a"),))
    same = dataclasses.replace(model, server=150000, unread=("2 casts",))
    assert stored.digest(model) == stored.digest(same)
    assert stored.digest(model) != stored.digest(Model(schemas=(Schema("b"),)))
    assert len(stored.digest(model)) == 64


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "/form: It is no database model of form 1."),
        ({"form": 2}, "/form: It is no database model of form 1."),
        ({"form": 1}, "/model: It must be an object."),
        ({"form": 1, "model": {"tables": {}}}, "/model/tables: It must be a list."),
        ({"form": 1, "model": {"tables": [3]}}, "/model/tables/0: It must be an object."),
        ({"form": 1, "model": {"x": 1}}, "/model/x: There is no such field."),
        ({"form": 1, "model": {"schemas": [{}]}}, "/model/schemas/0/name: It is missing."),
        (
            {"form": 1, "model": {"schemas": [{"name": 3}]}},
            "/model/schemas/0/name: It must be of type str.",
        ),
        (
            {"form": 1, "model": {"schemas": [{"name": "\ud800"}]}},
            "/model/schemas/0/name: It holds half a character.",
        ),
        ({"form": 1, "model": {"server": True}}, "/model/server: It must be of type int."),
        (
            {
                "form": 1,
                "model": {
                    "domains": [
                        {
                            "schema": "a",
                            "name": "b",
                            "type": "c",
                            "constraints": [{"name": "d", "kind": "e", "definition": "f"}],
                        }
                    ]
                },
            },
            "/model/domains/0/constraints/0/kind: It must be one of primary key",
        ),
    ],
)
def test_a_wrong_text_is_refused_by_place(value: Any, message: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        stored.parse(json.dumps(value))
    assert str(caught.value).startswith(message)


def test_hostile_texts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("[" * 100_000, "{", '{"form": 1' + "0" * 5000 + "}"):
        with pytest.raises(InvalidSchema):
            stored.parse(text)
    monkeypatch.setattr(stored, "MAX_STORED", 10)
    with pytest.raises(TooComplex, match="more than 10 characters"):
        stored.parse(" " * 11)


def test_paths_are_as_sql_writes_them() -> None:
    assert path("public", "orders", "total") == "orders.total"
    assert path("billing", "orders") == "billing.orders"
    assert path("Sales", 'a"b', "select") == '"Sales"."a""b".select'


def texts(sql: str) -> list[tuple[int, str]]:
    return [(one.line, one.text) for one in statements(sql) if one.tokens]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        (";;\n;", []),
        ("a;b", [(1, "a"), (1, "b")]),
        ("-- x;\na -- y;\n;", [(2, "a")]),
        ("/* ; /* ; */ ; */ a;\nb", [(1, "a"), (2, "b")]),
        ("'a;''b' ; E'\\';' ; \"a;\"\"\"", [(1, "'a;''b'"), (1, "E'\\';'"), (1, '"a;"""')]),
        (
            "$$ ; $a$ ; $$ ; $a$ ; $b$ ; $$ ; $a$",
            [(1, "$$ ; $a$ ; $$"), (1, "$a$ ; $b$ ; $$ ; $a$")],
        ),
        ("a$1$b; $1; x", [(1, "a$1$b"), (1, "$1"), (1, "x")]),
        ("CREATE RULE r AS DO (a; b); c", [(1, "CREATE RULE r AS DO (a; b)"), (1, "c")]),
        (
            "CREATE FUNCTION f() BEGIN ATOMIC a; CASE WHEN 1 THEN 2 END; b; END; c",
            [(1, "CREATE FUNCTION f() BEGIN ATOMIC a; CASE WHEN 1 THEN 2 END; b; END"), (1, "c")],
        ),
        ("BEGIN; a; END; b", [(1, "BEGIN"), (1, "a"), (1, "END"), (1, "b")]),
        ("\\connect x\na;", [(1, "\\connect x"), (2, "a")]),
        ("a)); b", [(1, "a))"), (1, "b")]),
        ("U&'d\\0061t' ;\n\nb'01';\tя;", [(1, "U&'d\\0061t'"), (3, "b'01'"), (3, "я")]),
    ],
)
def test_statements(sql: str, expected: list[tuple[int, str]]) -> None:
    assert texts(sql) == expected


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="a;'\"$-/*\\\n(E ", max_size=40))
def test_statements_lose_no_words(sql: str) -> None:
    found = []
    with suppress(InvalidSchema):
        for one in statements(sql):
            found.append(one)  # noqa: PERF402  # those before the unclosed quote count
    for one in found:
        assert sql[one.start :].startswith(one.text)
        assert Lines(sql).at(one.start)[0] == one.line


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "((a)::text = ANY ((ARRAY['x'::character varying, 'y,'::character varying])::text[]))",
            (
                "((a)::text = ANY (ARRAY[('x'::character varying)::text,\n"
                " ('y,'::character varying)::text]))"
            ),
        ),
        (
            "((ARRAY[f(a, b), (ARRAY['z'::name])::text[]])::pg_catalog.text[])",
            "(ARRAY[(f(a, b))::pg_catalog.text, (ARRAY[('z'::name)::text])::pg_catalog.text])",
        ),
        ("SELECT  1;", "SELECT\n1;"),
        ("$x$ a \r\n b$x$", "$x$ a\n b$x$"),
    ],
)
def test_the_same_in_other_words(old: str, new: str) -> None:
    assert normal.Texts().same(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'a  b'", "'a b'"),
        ("(ARRAY['x'])::text[]", "(ARRAY['y'])::text[]"),
        ("(ARRAY['x'])::text[]", "(ARRAY['x'])::name[]"),
        ('"a"', '"A"'),
        ("'open", "'opened"),
    ],
)
def test_what_differs_differs(old: str, new: str) -> None:
    assert not normal.Texts().same(old, new)


@pytest.mark.parametrize(
    "text",
    ["::", "::(", "::a.", "(ARRAY[", "(ARRAY[)::t[]", "()::t[]", "::time(", "(ARRAY[])::t[]"],
)
def test_broken_expressions_are_only_compared(text: str) -> None:
    assert normal.Texts().same(text, text + " ")
    assert normal.Texts().same(text, text + " ", types=True)


@pytest.mark.parametrize(
    ("old", "new", "risk"),
    [
        ("integer", "bigint", Risk.LOCKS),
        ("bigint", "integer", Risk.LOSES),
        ("character varying(10)", "character varying(20)", Risk.HARMLESS),
        ("character varying(10)", "text", Risk.HARMLESS),
        ("text", "character varying(10)", Risk.LOSES),
        ("numeric(10,2)", "numeric(12,2)", Risk.HARMLESS),
        ("numeric(10,2)", "numeric(12,4)", Risk.LOCKS),
        ("numeric(10,2)", "numeric(10,4)", Risk.LOSES),
        ("numeric(10,2)", "numeric", Risk.HARMLESS),
        ("numeric", "numeric(10,2)", Risk.LOSES),
        ("text", "integer", Risk.BREAKS),
        ("public.mood", "text", Risk.BREAKS),
    ],
)
def test_what_a_change_of_type_costs(old: str, new: str, risk: Risk) -> None:
    assert type_risk(old, new) is risk


def both(**parts: Any) -> Model:
    return Model(**{name: (part,) for name, part in parts.items()})


def test_every_kind_of_difference_has_its_words() -> None:
    old_table = Table(
        "public",
        "t",
        (Column("a", "int", identity="always"), Column("b", "int", generated="(a + 1)")),
        indexes=(Index("i", "USING btree (a)", valid=False),),
        triggers=(Trigger("g", "CREATE TRIGGER g", "disabled"),),
        rules=(Rule("r", "CREATE RULE r"),),
        policies=(Policy("p", "ALL", using="a"),),
        kind="table",
        unlogged=True,
        partition_key="RANGE (a)",
        parents=("x",),
        options=("fillfactor=70",),
    )
    new_table = Table(
        "public",
        "t",
        (Column("a", "int", identity="by default"), Column("b", "int", collation="C")),
        indexes=(Index("i", "USING btree (a)"),),
        triggers=(Trigger("g", "CREATE TRIGGER g"),),
        policies=(Policy("p", "SELECT", permissive=False, roles=("me",), check="b"),),
        kind="partitioned table",
        row_security=True,
        row_security_forced=True,
        partition_bound="DEFAULT",
    )
    old = both(
        schemas=Schema("gone"),
        tables=old_table,
        views=View("s", "v", "SELECT 1;", options=("a=b",)),
        enums=Enum("s", "e", ("a", "b"), "old"),
        domains=Domain("s", "d", "int", default="1"),
        composites=Composite("s", "c", (Column("x", "int"),)),
        ranges=Range("s", "r", "int"),
        sequences=DatabaseSequence("s", "q", "int", maximum="9"),
        routines=Routine("s", "f", "integer", "function", "A\nB", "int"),
        extensions=Extension("x", "1"),
    )
    new = both(
        schemas=Schema("come", "fresh"),
        tables=new_table,
        views=View("s", "v", "SELECT 1;", materialised=True),
        enums=Enum("s", "e", ("b", "a"), "new"),
        domains=Domain("s", "d", "text", nullable=False, default="2", collation="C"),
        composites=Composite("s", "c", (Column("x", "text"),)),
        ranges=Range("s", "r", "text"),
        sequences=DatabaseSequence("s", "q", "bigint", maximum="99", cycle=True),
        routines=Routine("s", "f", "integer", "function", "A\nC", "text"),
        extensions=Extension("x", "2", "s"),
    )
    said = {one.sentence for one in differences(old, new, Sides("in old", "in new"))}
    assert said == {
        "Schema `gone` exists in old, but is not in new.",
        "Schema `come` is in new, but missing in old.",
        "Extension `x` is `1 in public` in old, in new `2 in s`.",
        "The order of enum `s.e` is `a, b` in old, in new `b, a`.",
        "The comment on `s.e` is `old` in old, in new `new`.",
        "Domain `s.d` is `int` in old, in new `text`.",
        "The default of domain `s.d` is `1` in old, in new `2`.",
        "The nullability of domain `s.d` is `nullable` in old, in new `NOT NULL`.",
        "The collation of domain `s.d` is nothing in old, in new `C`.",
        "Composite type `s.c` is defined differently: `x int` in old, in new `x text`.",
        "Range type `s.r` is `int` in old, in new `text`.",
        "The identity of `t.a` is `always` in old, in new `by default`.",
        "The generating expression of `t.b` is `(a + 1)` in old, in new nothing.",
        "The collation of `t.b` is nothing in old, in new `C`.",
        (
            "Index `t.i` is defined differently: `USING btree (a) INVALID` in old, "
            "in new `USING btree (a)`."
        ),
        (
            "Trigger `t.g` is defined differently: `CREATE TRIGGER g [disabled]` in old, "
            "in new `CREATE TRIGGER g`."
        ),
        "Rule `r` of `t` (`CREATE RULE r`) exists in old, but is not in new.",
        (
            "Policy `t.p` is defined differently: `PERMISSIVE FOR ALL TO USING (a)` in old, "
            "in new `RESTRICTIVE FOR SELECT TO me WITH CHECK (b)`."
        ),
        "Table `t` is `table` in old, in new `partitioned table`.",
        "Table `t` is `unlogged` in old, in new `logged`.",
        "The storage setting of `t` is `fillfactor=70` in old, in new nothing.",
        "Row-level security of `t` is `off` in old, in new `on, also for the owner`.",
        "The partition key of `t` is `RANGE (a)` in old, in new nothing.",
        "The bound of partition `t` is nothing in old, in new `DEFAULT`.",
        "The parent of `t` is `x` in old, in new nothing.",
        "Sequence `s.q` is defined differently: line 1 is `AS int` in old, in new `AS bigint`.",
        "`s.v` is `view` in old, in new `materialised view`.",
        "Function `s.f(integer)` is defined differently: line 2 is `B` in old, in new `C`.",
    }


def test_what_follows_from_a_difference_is_not_told_again() -> None:
    column = Column("id", "integer", nullable=False, default="nextval('t_id_seq'::regclass)")
    owned = DatabaseSequence("public", "t_id_seq", "integer", owner_table="t", owner_column="id")
    model = Model(tables=(Table("public", "t", (column,)),), sequences=(owned,))
    assert [one.kind for one in differences(Model(), model)] == [Kind.TABLE]
    assert [one.kind for one in differences(model, Model())] == [Kind.TABLE]


def test_a_changed_type_explains_the_casts_it_brings() -> None:
    old = Table(
        "public",
        "t",
        (Column("a", "character varying(9)", default="'x'::character varying"),),
        indexes=(Index("i", "USING btree (a) WHERE ((a)::text = 'x'::text)"),),
    )
    new = Table(
        "public",
        "t",
        (Column("a", "text", default="'x'::text"),),
        indexes=(Index("i", "USING btree (a) WHERE (a = 'x'::text)"),),
    )
    views = [
        View("public", "v", "SELECT @ FROM t;".replace("@", a)) for a in ("(t.a)::text", "t.a")
    ]
    was, now = Model(tables=(old,), views=(views[0],)), Model(tables=(new,), views=(views[1],))
    assert [one.kind for one in differences(was, now)] == [Kind.TYPE]


def test_ignored_paths_are_not_compared() -> None:
    model = Model(
        tables=(Table("audit", "log"), Table("public", "django_migrations"), Table("public", "t"))
    )
    found = differences(model, Model(), ignoring=["audit.*", "django_migrations"])
    assert [one.path for one in found] == ["t"]


def test_markup_and_length_of_values_stay_values() -> None:
    old = Model(schemas=(Schema("s", "<b>`x`\n</b>" + "y" * 9000),))
    (one,) = differences(old, Model(schemas=(Schema("s", ""),)))
    assert len(one.sentence) < 300
    assert "\n" not in one.sentence


def test_many_parts_are_compared_soon() -> None:
    def model(name: str) -> Model:
        indexes = tuple(Index(f"{name}{n}", f"USING btree (c{n})") for n in range(20_000))
        tables = tuple(Table("public", f"{name}{n}") for n in range(20_000))
        return Model(tables=(Table("public", "t", indexes=indexes), *tables))

    began = time.monotonic()
    found = differences(model("a"), model("b"))
    assert len([one for one in found if one.action is Action.RENAMED]) == 20_000
    assert len(found) == 60_000
    assert time.monotonic() - began < 20


def test_comparing_texts_has_a_budget() -> None:
    with pytest.raises(TooComplex, match=r"longer than 0\.01 s"):
        normal.Texts(0.01).same("a " * 500_000, "b " * 500_000)
