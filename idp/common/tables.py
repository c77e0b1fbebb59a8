"""Lists as a terminal shows them. rich takes a while to load: only a table pays for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from idp.common.console import Client, clean, note, print_json


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Rows as a table; `columns` maps a key to its heading."""
    console, tables, text = (import_module(f"rich.{name}") for name in ("console", "table", "text"))
    grid = tables.Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for heading in columns.values():
        grid.add_column(heading, overflow="fold")
    for row in rows:
        grid.add_row(*(text.Text(clean(row.get(key))) for key in columns))
    console.Console(soft_wrap=False, highlight=False).print(grid)


def show_rows(
    client: Client, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, empty: str
) -> None:
    """Rows as JSON where asked for, else as a table, else the sentence for none."""
    if client.as_json:
        print_json(list(rows))
    elif rows:
        table(rows, columns)
    else:
        note(empty)
