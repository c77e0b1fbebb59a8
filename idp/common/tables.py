"""Lists as a terminal shows them. Beside `idp.common.console`: rich takes a while to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from idp.common.console import Client, clean, note, print_json


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Rows as a table; `columns` maps a key to its heading."""
    grid = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for heading in columns.values():
        grid.add_column(heading, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(clean(row.get(key))) for key in columns))
    Console(soft_wrap=False, highlight=False).print(grid)


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
