"""rules:if expressions: what they mean, and what is no expression."""

import time

import pytest

from pipelines.engine import patterns
from pipelines.engine.expressions import ExpressionError, parse

VALUES = {"A": "x", "EMPTY": "", "BRANCH": "feature/login", "PATTERN": "/^feature/", "WORD": "feat"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("$A", True),
        ("$EMPTY", False),
        ("$GONE", False),
        ("${A}", True),
        ('$A == "x"', True),
        ("$A == 'x'", True),
        ('"x" == $A', True),
        ('$A != "x"', False),
        ("$GONE == null", True),
        ("$EMPTY == null", False),
        ('$EMPTY == ""', True),
        ('$GONE == ""', False),
        ("$GONE != null", False),
        ("$BRANCH =~ /^feature/", True),
        ("$BRANCH =~ /LOGIN/", False),
        ("$BRANCH =~ /LOGIN/i", True),
        (r"$BRANCH =~ /^feature\/\w+$/", True),
        ("$BRANCH !~ /^main$/", True),
        ("$GONE =~ /x/", False),
        ("$GONE !~ /x/", True),
        ("$BRANCH =~ $PATTERN", True),
        ("$BRANCH =~ $WORD", False),
        ("$A && $GONE", False),
        ("$A || $GONE", True),
        ("$A || $A && $GONE", True),
        ("($A || $A) && $GONE", False),
        ("$GONE && $A || $A", True),
        ('($A == "x" && ($EMPTY || $BRANCH))', True),
    ],
)
def test_an_expression_holds_or_not(text: str, holds: bool) -> None:
    assert parse(text).evaluate(VALUES) is holds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ends where a value"),
        ("$A ==", "ends where a value"),
        ("$A == main", "“main” at character 7"),
        ("$A = 'x'", "“= 'x'” at character 4"),
        ("($A", "“)” is missing"),
        ("$A $B", "“$B” at character 4"),
        ("== $A", "“==” at character 1"),
        ("$A =~ null", "stands a /pattern/"),
        ("$A =~ /(?=x)/", "not RE2"),
        ("$A =~ /x/m", "not RE2"),
        ("(" * 60 + "$A" + ")" * 60, "nested more than 50"),
        ("$A || " * 600 + "$A", "more than 1000 parts"),
        ("$" + "A" * 10_000, "10000 characters"),
    ],
)
def test_what_is_no_expression_says_where_and_why(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert reason in str(caught.value)


def test_a_variables_pattern_that_is_none_is_named_when_it_is_judged() -> None:
    with pytest.raises(ExpressionError, match="not RE2"):
        parse("$A =~ $P").evaluate({"A": "x", "P": "/(/"})


def test_it_says_which_variables_it_reads_in_their_order() -> None:
    assert parse('$B && $A == "$C" || $B').names == ("B", "A")


def test_a_pattern_that_backtracks_elsewhere_is_quick() -> None:
    began = time.monotonic()
    assert parse("$A =~ /^(a+)+$/").evaluate({"A": "a" * 50_000 + "!"}) is False
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/sub/a.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/x/y/a.py", True),
        ("**/*.md", "README.md", True),
        ("*.md", "docs/a.md", False),
        ("docs/*.{md,txt}", "docs/a.txt", True),
        ("docs/*.{md,txt}", "docs/a.rst", False),
        ("a?.yml", "ab.yml", True),
        ("[!a]*.yml", "a.yml", False),
        ("[a-c].yml", "b.yml", True),
        (".ci/*", ".ci/.hidden", True),
        ("/root.txt", "root.txt", True),
        ("src", "src/a.py", False),
        ("a+b(c).txt", "a+b(c).txt", True),
    ],
)
def test_globs_are_those_of_the_reference(glob: str, path: str, fits: bool) -> None:
    assert (patterns.Lookup([path]).first([glob]) is not None) is fits


def test_past_50000_comparisons_the_answer_is_yes() -> None:
    paths = [f"f{n}" for n in range(50_001)]
    assert patterns.Lookup(paths[:1_000]).first(["z*"]) is None
    assert patterns.Lookup(paths).first(["z*"]) is not None


def test_a_hostile_glob_is_quick_or_refused() -> None:
    began = time.monotonic()
    assert patterns.Lookup(["a" * 5_000]).first(["*a" * 500 + "b"]) is None
    with pytest.raises(patterns.PatternError, match="braces"):
        patterns.Lookup(["x"]).first(["{a,b}" * 11])
    with pytest.raises(patterns.PatternError, match="characters"):
        patterns.Lookup(["x"]).first(["*" * 5_000])
    assert time.monotonic() - began < 2
