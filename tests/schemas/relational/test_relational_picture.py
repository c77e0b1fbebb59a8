"""The drawn picture: what it shows, that it is the same each time, and that it hides no markup."""

import re
import time
from xml.etree import ElementTree as ET

import pytest

from schemas.relational.drawings import compared, standalone
from schemas.relational.layout import Box, layered
from schemas.relational.model import Column, Constraint, ConstraintKind, Index, Model, Table
from schemas.relational.picture import MAX_RELATIONS, MAX_TABLES, draw, relations


def table(name: str, *targets: str, nullable: bool = True, unique: bool = False) -> Table:
    """A table with a key, and a foreign key to each target."""
    columns = [Column("id", "bigint", nullable=False)]
    constraints = [Constraint("pk", ConstraintKind.PRIMARY_KEY, "", ("id",))]
    indexes = []
    for target in targets:
        columns.append(Column(f"{target}_id", "bigint", nullable=nullable))
        key = Constraint(
            f"{name}_{target}", ConstraintKind.FOREIGN_KEY, "", (f"{target}_id",), target, ("id",)
        )
        constraints.append(key)
        if unique:
            indexes.append(Index(f"u_{target}", "USING btree", True, True, (f"{target}_id",)))
    columns.append(Column("note", "text"))
    return Table("public", name, tuple(columns), tuple(constraints), tuple(indexes))


SHOP = Model(
    tables=(
        table("customers", "customers"),
        table("orders", "customers", nullable=False),
        table("lines", "orders", "customers"),
        table("invoices", "orders", unique=True),
        table("a", "b"),
        table("b", "a"),
        table("alone"),
    )
)


def elements(svg: str, kind: str) -> list[ET.Element]:
    root = ET.fromstring(svg)  # noqa: S314  # our own output
    return [one for one in root.iter() if one.get("class") == kind]


def test_every_table_and_relation_is_drawn() -> None:
    picture = draw(SHOP)
    assert len(elements(picture.svg, "er-box")) == 7
    assert len(elements(picture.svg, "er-line")) == len(picture.relations) == 7
    names = {one.text for one in elements(picture.svg, "er-name")}
    assert names == {"customers", "orders", "lines", "invoices", "a", "b", "alone"}
    assert picture.left_out == ()


def test_only_keys_are_drawn_and_the_rest_counted() -> None:
    picture = draw(Model(tables=(table("orders", "x", "y"),)))
    keys = [one.text for one in elements(picture.svg, "er-key")]
    assert keys == ["PK", "+ 3 more"]  # what is referred to is not in the picture


def test_relations_say_how_many() -> None:
    said = {one.name: one.sentence for one in relations(SHOP)}
    assert said["orders_customers"] == (
        "Each row of orders refers to exactly one row of customers; "
        "each of customers has any number of orders."
    )
    assert said["invoices_orders"] == (
        "Each row of invoices refers to one or no row of orders; "
        "each of orders has at most one of invoices."
    )


def test_the_picture_has_no_style_of_its_own_and_is_always_the_same() -> None:
    svg = draw(SHOP).svg
    assert not re.search(r"style|<script|on\w+=|fill=|stroke=", svg)
    assert draw(Model(tables=SHOP.tables[::-1])).svg == svg


def test_names_cannot_be_markup() -> None:
    evil = "<script>\"&'\x00\x1b" + "x" * 200
    picture = draw(
        Model(tables=(table(evil, evil),)), links={f'"{evil.replace(chr(34), chr(34) * 2)}"': evil}
    )
    assert "<script" not in picture.svg
    ET.fromstring(picture.svg)  # noqa: S314  # our own output
    assert max(len(one.text or "") for one in elements(picture.svg, "er-name")) <= 34


def test_links_lead_from_tables() -> None:
    svg = draw(SHOP, links={"orders": "/x?a=1&b=2"}).svg
    assert '<a href="/x?a=1&amp;b=2"><text class="er-name"' in svg


def test_a_part_shows_its_neighbours() -> None:
    picture = draw(SHOP, only=["invoices"])
    names = {one.text for one in elements(picture.svg, "er-name")}
    assert names == {"invoices", "orders"}


def test_boxes_do_not_overlap() -> None:
    boxes = [Box(str(n), 100 + n, 40 + n) for n in range(30)]
    ties = [(str(n), str(n * 7 % 30)) for n in range(30)] + [(str(n), "0") for n in range(1, 30)]
    layout = layered(boxes, ties)
    placed = [(layout.places[box.name], box) for box in boxes]
    for at, box in placed:
        assert 0 <= at.x <= layout.width - box.width
        assert 0 <= at.y <= layout.height - box.height
        for other_at, other in placed:
            apart_x = at.x + box.width <= other_at.x or other_at.x + other.width <= at.x
            apart_y = at.y + box.height <= other_at.y or other_at.y + other.height <= at.y
            assert box is other or apart_x or apart_y


def test_what_is_referred_to_stands_to_the_left() -> None:
    boxes = [Box(name, 10, 10) for name in "abc"]
    layout = layered(boxes, [("c", "b"), ("b", "a"), ("c", "a")])
    assert layout.places["a"].x < layout.places["b"].x < layout.places["c"].x
    assert len(layout.bends["c", "a"]) == 2


@pytest.mark.parametrize(
    "tables",
    [
        tuple(table(f"t{n}", *(f"t{m}" for m in range(40))) for n in range(1000)),
        tuple(table(f"t{n}", *(f"t{m}" for m in range(max(0, n - 30), n))) for n in range(200)),
        (),
    ],
)
def test_large_models_are_drawn_in_part_and_soon(tables: tuple[Table, ...]) -> None:
    began = time.monotonic()
    picture = draw(Model(tables=tables))
    assert len(picture.relations) <= MAX_RELATIONS
    assert len(elements(picture.svg, "er-box")) == min(MAX_TABLES, len(tables))
    assert len(picture.left_out) == max(0, len(tables) - MAX_TABLES)
    assert len(picture.svg) < 3_000_000
    assert time.monotonic() - began < 5


def test_two_models_are_drawn_as_one_with_what_differs_marked() -> None:
    old = Model(tables=(table("customers"), table("orders", "customers"), table("gone")))
    new = Model(tables=(table("customers"), table("orders", "customers"), table("fresh")))
    paths = ["orders.note", "gone", "fresh", "mood", "orders_old.x"]
    picture = compared(old, new, paths)
    found = re.findall(r'<g class="er-table([^"]*)"><title>([^<]*)</title>', picture.svg)
    assert sorted(found) == [
        ("", "customers"),
        (" is-added", "fresh: added"),
        (" is-changed", "orders: changed"),
        (" is-removed", "gone: removed"),
    ]
    assert picture.tables == 4
    assert picture.svg.count("er-mark") == 3, "a sign says it too, not the colour alone"
    assert compared(old, new, ["mood"]).svg == ""


def test_a_file_holds_its_own_style_and_stays_xml() -> None:
    for svg in ("", draw(SHOP).svg):
        root = ET.fromstring(standalone(svg))  # noqa: S314  # our own output
        assert root[0].tag.endswith("style")
