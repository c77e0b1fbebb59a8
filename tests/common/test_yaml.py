import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.common import yaml
from idp.common.errors import Invalid

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc1 -:", max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_values_are_plain_json() -> None:
    text = (
        "a: 1\nb: [x, 1.5, 0o17, 017, 0x1f, yes, ~, '', -4]\nc: &x {a: 1}\nd: {<<: *x, b: 2}\ne:\n"
    )
    assert yaml.load(text) == {
        "a": 1,
        "b": ["x", 1.5, 15, 15, 31, True, None, "", -4],
        "c": {"a": 1},
        "d": {"a": 1, "b": 2},
        "e": None,
    }


def test_dates_and_times_stay_text() -> None:
    assert yaml.load("[22:22, 2026-12-01T00:00:00Z, 2026-12-01]") == [
        "22:22",
        "2026-12-01T00:00:00Z",
        "2026-12-01",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "Line 2, column 1: The key “a” stands there twice."),
        ("1: x", "Line 1, column 1: A key has to be text."),
        ("{? [a] : b}", "Line 1, column 4: A key has to be text."),
        ("a: &a [*a]", "Line 1, column 8: An alias stands inside its own anchor."),
        ("a: !!python/object:x 1", "Line 1, column 4: The tag “tag:yaml.org,2002:python/object:x”"),
        ("a: !!timestamp 2001-01-01", "Line 1, column 4: The tag “tag:yaml.org,2002:timestamp”"),
        ("a: !!bool x", "Line 1, column 4: This is neither true nor false."),
        ("a: !!int x", "Line 1, column 4: This number is too long."),
        ("a: !!float 1e999", "Line 1, column 4: This number has no JSON form."),
        ("a: !!map x", "expected a mapping node"),
        ("a: " + "1" * 5000, "Line 1, column 4: This number is too long."),
        ("a: [", "Line 2, column 1: It is not YAML: did not find expected node content."),
        ("a: *q", "Line 1, column 4: It is not YAML: found undefined alias."),
        ('x: "\\0"', "Line 1, column 4: The text has a character that is not allowed."),
        ("\x01", "The file: It is not YAML: a character is not allowed."),
        ("a\n---\nb", "The file: It holds 2 documents where one is expected."),
        ("[" * 30 + "]" * 30, "Line 1, column 21: It is nested more than 20 deep."),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        yaml.load(text)
    assert message in caught.value.message
    assert caught.value.errors[0].field in caught.value.message.lower()


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Invalid, match="It is not UTF-8"):
        yaml.load(b"\xff\xfe")


def test_a_file_beyond_the_size_is_refused() -> None:
    with pytest.raises(Invalid, match="It has 11 bytes; 10 are the most"):
        yaml.load("a" * 11, max_bytes=10)


def test_aliases_count_as_often_as_they_expand() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for letter in "bcdefgh":
        before = chr(ord(letter) - 1)
        lines.append(f"{letter}: &{letter} [{','.join([f'*{before}'] * 9)}]")
    with pytest.raises(Invalid, match="more than 20000 values, aliases expanded"):
        yaml.load("\n".join(lines))


def test_depth_through_aliases_counts() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 25))]
    with pytest.raises(Invalid, match="nested more than 20 deep"):
        yaml.load("\n".join(lines))


def test_all_documents_are_read() -> None:
    assert yaml.load_all("a: 1\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert yaml.load("") is None


@given(JSON)
def test_dump_is_read_back_unchanged(value: object) -> None:
    assert yaml.load(yaml.dump(value)) == value


@pytest.mark.parametrize(
    "text", ["1", "on", "22:22", "2026-01-01", "", " x", "null", "y", "0o17", "1_000", "<<", "09"]
)
def test_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert yaml.load(yaml.dump([text])) == [text]


def test_lines_are_dumped_as_a_block() -> None:
    assert yaml.dump({"a": "x\ny\n"}) == "a: |\n  x\n  y\n"


def test_dump_repeats_instead_of_using_anchors() -> None:
    shared = {"x": 1}
    assert "&" not in yaml.dump({"a": shared, "b": shared})


def test_editing_keeps_comments_order_and_quotes() -> None:
    edit = yaml.edit("# head\na: 1 # one\nb:\n  - x\nz: 'q'\n")
    edit.set(["a"], 2)
    edit.set(["n", "m"], "new")
    edit.remove(["b"])
    edit.remove(["no", "such"])
    assert edit.text() == "# head\na: 2 # one\nz: 'q'\nn:\n  m: new\n"


def test_editing_an_empty_file_makes_a_map() -> None:
    edit = yaml.edit("")
    edit.set(["spec", "replicas"], 3)
    assert yaml.load(edit.text()) == {"spec": {"replicas": 3}}


def test_editing_has_the_same_bounds() -> None:
    with pytest.raises(Invalid, match="stands there twice"):
        yaml.edit("a: 1\na: 2\n")


def test_result_can_be_stored_as_json() -> None:
    assert json.loads(json.dumps(yaml.load("a: [.inf, 1e3]"))) == {"a": [".inf", 1000.0]}


@pytest.mark.parametrize("text", ["yes", "on", "No", "0o17", "1_000", "~", "", "1e3", "2026-01-01"])
def test_an_edited_text_stays_text(text: str) -> None:
    edit = yaml.edit("a: 1\n")
    edit.set(("v",), {text: [text, {"k": text}]})
    assert yaml.load(edit.text()) == {"a": 1, "v": {text: [text, {"k": text}]}}
