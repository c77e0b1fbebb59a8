"""Reading YAML: values, lines, and what is too large, too deep or no YAML of ours."""

import time
from textwrap import dedent
from typing import Any

import pytest

from pipelines.engine import source
from pipelines.engine.problems import ConfigError
from pipelines.engine.source import read


def value(text: str) -> Any:
    return read(dedent(text), "ci.yml").value


def fault(text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text, "ci.yml")
    return caught.value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("'yes'", "yes"),
        ("0755", 493),
        ("1_000", 1000),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1.2.3", "1.2.3"),
        ("12:30", "12:30"),
        ("2026-01-02", "2026-01-02"),
        ("!!str 5", "5"),
        ("9" * 50, "9" * 50),
    ],
)
def test_scalars_follow_yaml_1_1(written: str, meant: Any) -> None:
    assert value(f"a: {written}")["a"] == meant


def test_every_key_and_item_knows_its_line() -> None:
    found = value("a:\n  b: 1\nc:\n- x\n- y\n")
    assert (found.at("a").line, found["a"].at("b").line, found.at("c").line) == (1, 2, 3)
    assert [where.line for _, where in found["c"].pairs()] == [4, 5]


def test_own_keys_win_over_merged_ones_and_the_first_merged_map_over_the_next() -> None:
    found = value(
        """
        .a: &a {x: 1, y: 1}
        .b: &b {y: 2, z: 2}
        job:
          <<: [*a, *b]
          x: 3
        """
    )
    assert found["job"] == {"x": 3, "y": 1, "z": 2}
    assert found["job"].at("z").line == 3


def test_a_merge_of_no_map_is_refused() -> None:
    assert "“<<” takes a map" in str(fault("a:\n  <<: 5\n"))


def test_a_duplicate_key_is_named_with_both_lines_and_the_last_counts() -> None:
    document = read("job: 1\nother: 2\njob: 3\n", "ci.yml")
    assert document.value["job"] == 3
    assert "ci.yml:3: warning [duplicate-key]" in str(document.warnings[0])
    assert "first in line 1" in str(document.warnings[0])


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    began = time.monotonic()
    assert fault("\n".join(lines)).errors[0].rule == "size"
    assert time.monotonic() - began < 2


def test_deep_nesting_is_refused_also_when_aliases_add_it_up() -> None:
    assert fault("a: " + "[" * 5_000).errors[0].rule == "depth"
    half = "[" * 60 + "]" * 60
    chained = f"a: &a {half}\nb: &b {'[' * 60}*a{']' * 60}\n"
    assert fault(chained).errors[0].rule == "depth"


def test_an_alias_inside_its_own_anchor_is_refused() -> None:
    assert fault("a: &a [*a]").errors[0].rule == "alias"


def test_a_file_over_the_bound_is_refused() -> None:
    assert "2,000,000 are the most" in fault("a: " + "x" * source.MAX_BYTES).message


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"a: \xff", "encoding"),
        ("a: [", "syntax"),
        ("a: !!python/object:os.system x", "tag"),
        ("a: !reference []", "reference"),
        ("a: !reference [[x]]", "reference"),
        ("? [a]\n: b", "key"),
        ("- a", "form"),
        ("", "form"),
        ("a: 1\n---\nb: 1\n", "documents"),
        ("spec:\n  inputs: {}\n---\nb: 1\n---\nc: 1\n", "documents"),
        ("spec:\n  inputs: {}\nb: 1\n", "spec"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_rule(text: str | bytes, rule: str) -> None:
    caught = fault(text)
    assert caught.errors[0].rule == rule
    assert caught.errors[0].field.startswith("ci.yml")


def test_a_syntax_error_has_its_line_and_a_fix() -> None:
    caught = fault("job:\n  script: 'x\n")
    assert caught.message.startswith("ci.yml:")
    assert "quotes" in caught.fix
