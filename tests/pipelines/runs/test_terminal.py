"""A log as HTML: what is coloured, folded, overwritten, and what is never let through."""

from __future__ import annotations

import pytest

from pipelines.runs.logview import rendered
from pipelines.runs.terminal import MAX_LINE, Close, Line, Open, Screen

ESC = "\x1b["


def lines(text: str) -> list[str]:
    return [one.html for one in Screen().feed(text.encode()) if isinstance(one, Line)]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("<script>&", "&lt;script&gt;&amp;"),
        (f"{ESC}31mred{ESC}0m x", '<span class="ansi-red">red</span> x'),
        (f"{ESC}1;92mgo{ESC}22;39m on", '<span class="ansi-green ansi-bold">go</span> on'),
        (f"{ESC}31;42mx", '<span class="ansi-on-green">x</span>'),
        (f"{ESC}38;5;196mx", '<span class="ansi-red">x</span>'),
        (f"{ESC}38;2;10;10;250mx", '<span class="ansi-blue">x</span>'),
        (f"{ESC}31m<b>", '<span class="ansi-red">&lt;b&gt;</span>'),
        (f"{ESC}2Jgone{ESC}?25l", "gone"),
        ("\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\x", "x"),
        (f"{ESC}999999999999;;:mx", "x"),
        ("10 %\r100 %", "100 %"),
        ("done\r", "done"),
        ("bell\x07\x00", "bell"),
        ("cut \x1b[3", "cut 3"),
    ],
)
def test_one_line(text: str, html: str) -> None:
    assert lines(text) == [html]


def test_colours_go_on_to_the_next_line() -> None:
    assert lines(f"{ESC}33ma\nb{ESC}0m\nc") == [
        '<span class="ansi-yellow">a</span>',
        '<span class="ansi-yellow">b</span>',
        "c",
    ]


def test_bytes_that_are_no_text_and_lines_without_end() -> None:
    (line,) = Screen().feed(b"\xff\xfe" + b"x" * (MAX_LINE + 50))
    assert isinstance(line, Line)
    assert "\ufffd" in line.html
    assert "… 52 more characters" in line.html


def test_sections_nest_and_keep_the_numbers_of_lines() -> None:
    text = (
        f"section_start:100:outer\r{ESC}0KOuter\n"
        f"{ESC}0Ksection_start:101:inner[collapsed=true]\r{ESC}0KInner\n"
        "text\n"
        f"section_end:104:inner\r{ESC}0K\n"
        f"section_end:110:outer\r{ESC}0Kafter\n"
    )
    assert list(Screen().feed(text.encode())) == [
        Open(1, "outer", "Outer", 100),
        Open(2, "inner", "Inner", 101, collapsed=True),
        Line(3, "text"),
        Close(3),
        Close(10),
        Line(5, "after"),
    ]
    html = "".join(rendered(Screen().feed(text.encode())))
    assert html.count("<details") == html.count("</details>") == 2
    assert "data-log-open" not in html
    assert '<span class="pl-took">3.0 s</span>' in html


def test_an_end_without_a_beginning_ends_nothing() -> None:
    text = f"section_start:1:a\r{ESC}0KA\nsection_end:2:b\r{ESC}0K\nx\n"
    assert [type(one) for one in Screen().feed(text.encode())] == [Open, Line]


def test_a_screen_resumes_from_its_mark() -> None:
    text = f"section_start:1:a\r{ESC}0KA\n{ESC}1;31mx\ny\nsection_end:5:a\r{ESC}0K\n".encode()
    for cut in [at + 1 for at, byte in enumerate(text) if byte == 10]:
        first = Screen()
        shown = list(first.feed(text[:cut]))
        shown += Screen.resumed(first.mark).feed(text[cut:])
        assert shown == list(Screen().feed(text))
    with pytest.raises(ValueError, match="no mark"):
        Screen.resumed("1:9.0.0:")
