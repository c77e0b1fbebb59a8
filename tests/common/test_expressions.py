import threading

import pytest

from idp.common import expressions
from idp.common.errors import Invalid

NAMES = frozenset({"tier", "replicas", "plan", "items", "parameters"})


def test_value_over_the_named_facts() -> None:
    expression = expressions.compile("tier == 'production' && replicas > 2", NAMES)
    assert expression.names == {"tier", "replicas"}
    assert expression.evaluate({"tier": "production", "replicas": 3, "other": 1}) is True
    assert expression.evaluate({"tier": "preview", "replicas": 3}) is False


def test_macros_bind_their_own_names() -> None:
    expression = expressions.compile("items.exists(x, x.kind == 'Bucket')", NAMES)
    assert expression.names == {"items"}
    assert expression.evaluate({"items": [{"kind": "Bucket"}]}) is True


def test_has_asks_whether_a_field_is_there() -> None:
    expression = expressions.compile("has(parameters.size) ? parameters.size : 'small'", NAMES)
    assert expression.evaluate({"parameters": {}}) == "small"


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        ("", "empty", "The expression is empty."),
        ("tier ==", "syntax", "The expression is not CEL: <input>:1:8: Syntax error"),
        ("'abc", "syntax", "The expression is not CEL"),
        ("teir == 'x'", "name", "“teir” is not a known name."),
        ("'" + "x" * 1_000 + "'", "length", "1002 characters; 1000 are the most"),
        (
            "items.map(a, items.map(b, items.map(c, 1)))",
            "macros",
            "3 macros (all, exists, map, filter …); 2 are the most",
        ),
        ("(" * 30 + "1" + ")" * 30, "nesting", "nested too deeply"),
        ("1" + "+1" * 200, "nesting", "nested too deeply"),
        ("!" * 200 + "true", "nesting", "nested too deeply"),
    ],
)
def test_what_breaks_a_bound_is_refused_when_saved(text: str, rule: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        expressions.compile(text, NAMES)
    assert message in caught.value.message
    assert caught.value.errors[0].rule == rule


NESTED = "{0}(a,{1} items.{0}(b,{1} items.{0}(c,{1} true))) == []"


@pytest.mark.parametrize("name", ["all", "exists", "exists_one", "existsOne", "map", "filter"])
@pytest.mark.parametrize(
    "prefix",
    [
        "items.",
        "items.//\n",
        "items. \t\f",
        r"r'\' == tier || items.",  # raw: the backslash ends nothing
        'bR"\\" == tier || items.',
        r"r'''\''' == tier || items.",
        r"'''\'''' == tier || items.",  # the first quote inside is escaped
    ],
)
def test_macros_are_counted_however_they_are_written(name: str, prefix: str) -> None:
    with pytest.raises(Invalid, match="3 macros") as caught:
        expressions.compile(prefix + NESTED.format(name, "//'\n"), NAMES)
    assert caught.value.errors[0].rule == "macros"
    assert expressions.compile(f"{prefix}{name}(a, true) == []", NAMES).macros == 1


def test_brackets_round_a_macros_name_hide_nothing() -> None:
    expression = expressions.compile("items.exists( ( x ) , x == 1)", NAMES)
    assert (expression.macros, expression.names) == (1, {"items"})
    assert expression.evaluate({"items": [1]}) is True


def test_a_macro_binds_no_known_name() -> None:
    with pytest.raises(Invalid, match="“tier” is a known name, so no macro may bind it"):
        expressions.compile("items.map(tier, tier) == []", NAMES)


def test_an_unknown_name_says_which_are_known() -> None:
    with pytest.raises(Invalid) as caught:
        expressions.compile("x", frozenset({"b", "a"}))
    assert caught.value.fix == "Known names: a, b."


def test_macros_in_text_and_comments_do_not_count() -> None:
    text = "tier == '.map(a, .map(b, .map(c, ((((' // .all(x"
    assert expressions.compile(text, NAMES).evaluate({"tier": "x"}) is False


def test_a_name_outside_its_macro_is_refused_at_evaluation() -> None:
    expression = expressions.compile("x == 1 || items.exists(x, x == 1)", NAMES)
    with pytest.raises(Invalid, match="cannot be evaluated: Undefined variable or function: 'x'"):
        expression.evaluate({"items": [2]})


@pytest.mark.parametrize(
    ("text", "facts", "message"),
    [
        ("tier == 'x'", {}, "“tier” is not known when"),
        ("plan.cost > 1", {"plan": {}}, "reads “cost”, which is not there"),
        ("replicas * 'x' == 'x'", {"replicas": 1}, "cannot be evaluated: No such overload"),
        ("replicas / 0 == 1", {"replicas": 1}, "cannot be evaluated"),
        ("nofunction(tier)", {"tier": "x"}, "Undefined variable or function: 'nofunction'"),
        ("size(items) > 1", {"items": list(range(501))}, "too large to evaluate"),
        ("tier == 'x'", {"tier": "x" * 10_001}, "too large to evaluate"),
        ("size(items) > 1", {"items": [list(range(400))] * 20}, "too large to evaluate"),
    ],
)
def test_what_cannot_be_evaluated_says_why(
    text: str, facts: dict[str, object], message: str
) -> None:
    with pytest.raises(Invalid) as caught:
        expressions.compile(text, NAMES).evaluate(facts)
    assert message in caught.value.message


def test_deep_facts_are_refused() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(Invalid, match="too large to evaluate"):
        expressions.compile("size(items) > 1", NAMES).evaluate({"items": deep})


def test_costly_combinations_are_refused_before_they_run() -> None:
    text = "items.map(a, items.map(b, tier + tier + tier))"
    expression = expressions.compile(text, NAMES)
    with pytest.raises(Invalid, match="would take too long"):
        expression.evaluate({"items": list(range(400)), "tier": "x" * 1_000})


def test_the_largest_allowed_nesting_fits_a_small_stack() -> None:
    seen: list[object] = []

    def run() -> None:
        chain = expressions.compile("1" + "+1" * 149 + " > 0", NAMES)
        nested = expressions.compile("(" * 24 + "1" + ")" * 24, NAMES)
        seen.extend([chain.evaluate({}), nested.evaluate({})])

    before = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert seen == [True, 1]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a == 1", ("a == 1",)),
        ("a == 1 && b", ("a == 1", "b")),
        ("a && (b && c) && d.e(x && y)", ("a", "(b && c)", "d.e(x && y)")),
        ("a || b && c", ("a || b && c",)),
        ("(a || b) && c", ("(a || b)", "c")),
        ("a && b ? c : d", ("a && b ? c : d",)),
        ("a == '&&' && b == \"||\"", ("a == '&&'", 'b == "||"')),
        ("a // && b\n&& c", ("a // && b", "c")),
        ("a == r'\\' && b", ("a == r'\\'", "b")),
    ],
)
def test_the_parts_that_all_have_to_hold(text: str, parts: tuple[str, ...]) -> None:
    assert expressions.conjuncts(text) == parts
