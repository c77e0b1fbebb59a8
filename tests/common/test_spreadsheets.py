from __future__ import annotations

from idp.common.spreadsheets import csv_response


def test_rows_are_streamed_and_no_cell_is_a_formula() -> None:
    rows = ([number, "=cmd|' /C calc'!A0", None, 'with "quotes", and commas'] for number in (1, 2))
    answer = csv_response("list.csv", ("id", "text", "none", "more"), rows)
    lines = [line.decode() for line in answer]
    assert lines[0] == "id,text,none,more\r\n"
    assert lines[2] == '2,\'=cmd|\' /C calc\'!A0,,"with ""quotes"", and commas"\r\n'
    assert answer["Content-Disposition"] == 'attachment; filename="list.csv"'
