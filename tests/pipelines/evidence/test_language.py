"""What a condition may say; what it may not is refused by field, with the place and the fix."""

from __future__ import annotations

from typing import Any

import pytest

from idp.common.errors import Invalid
from pipelines.evidence import language, registry
from pipelines.evidence.registry import Type, Unknown


def refused(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        language.parts(text)
    (error,) = caught.value.errors
    assert error.field == "condition"
    return f"{error.rule}: {error.message} {error.fix}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tests.faild == 0", "name: “tests.faild” at line 1, column 1 is no known fact. Did you"),
        ("tests.faild == 0", "Did you mean tests.failed?"),
        ("true &&\n  test.failed == 0", "“test.failed” at line 2, column 3 is no known fact."),
        ("tests == 0", "“tests” at line 1, column 1 is a group of facts, no value."),
        ("tests.size() == 0", "is no known fact"),
        ("{'a': tests}['a'].failed == 0", "is a group of facts"),
        ("tests['failed'] == 0", "is a group of facts, no value. Name one of it: tests.blocking"),
        ("[1].exists(tests, tests.failed == 0)", "is a group of facts"),
        ("!has(tests.failed)", "a fact that is not known blocks by itself"),
        ("secrets.all == 1", "“secrets” is not a known name."),
        ("tests.failed", "“tests.failed” is a number, not true or false."),
        ('tests.failed == "0"', "type: tests.failed at line 1, column 1 is a number, never a text"),
        ("0 == pipeline.status", 'is a text, never a number. As in pipeline.status == "success"'),
        ("schemas.compatible == 1", "is true or false, never a number"),
        ("coverage.line != null", "never null"),
        ("tests.failed + coverage.line > 1", "cannot be evaluated"),
        ("tests.failed ==", "syntax:"),
        ("", "empty:"),
        ("true", ""),
        ("x" * 1001, "length: The expression has 1001 characters"),
        ("(" * 400 + "true" + ")" * 400, "nesting:"),
        ("[1].map(a, [1].map(b, [1].map(c, 1))) == []", "macros:"),
        (" && ".join(["true"] * 21), "length: It has 21 clauses; 20 are the most."),
        ("!" * 160 + "true", "nesting:"),
        ("bundle.author == '\0'", "form: It holds a control character."),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    if text == "true":
        assert language.parts(text)[0].facts == ()
        return
    assert words in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "tests.failed == 0 && coverage.line >= 80",
        "coverage.changed >= 79.5 && tests . failed\n== 0",
        'deploy.tier != "production" || approvals.given >= 2',
        'bundle.ref in ["main", "release"] // tests.nothing',
        'bundle.author != "tests.nothing && (" && calendar.weekday <= 5',
        "schemas.compatible == true && !images.signed",
        "bundle.author.size() > 0",
        "[1, 2].exists(n, n == tests.failed || true)",
    ],
)
def test_what_may_be_said(text: str) -> None:
    assert language.parts(text)


def test_clauses_are_told_apart_with_their_facts() -> None:
    parts = language.parts('tests.failed == 0 && (deploy.tier == "x" || findings.high < 3)')
    assert [one.text for one in parts] == [
        "tests.failed == 0",
        '(deploy.tier == "x" || findings.high < 3)',
    ]
    assert [one.facts for one in parts] == [("tests.failed",), ("deploy.tier", "findings.high")]


@pytest.mark.parametrize(
    ("text", "known", "answer"),
    [
        ("tests.failed == 0", {"tests.failed": 0}, True),
        ("tests.failed == 0", {"tests.failed": 1}, False),
        ("tests.failed == 0", {"tests.failed": None}, None),
        ("!(tests.failed > 0)", {"tests.failed": None}, None),
        ("tests.failed == 0 || true", {"tests.failed": None}, True),
        ("tests.failed == 0 || tests.total == 1", {"tests.failed": None, "tests.total": 2}, None),
        ("tests.failed > 0 ? true : true", {"tests.failed": None}, None),
    ],
)
def test_what_is_not_known_decides_nothing(text: str, known: Any, answer: bool | None) -> None:
    (part,) = language.parts(text)
    given = {name: Unknown("?") if value is None else value for name, value in known.items()}
    assert part.judge(given) is answer


def test_the_catalogue_can_be_read_and_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    for fact in registry.catalogue():
        assert fact.doc.endswith(".")
        assert language.parts(f"{fact.name} == {language._written(fact.example)}")
    monkeypatch.setattr(registry, "_facts", dict(registry._facts))
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))
    registry.register_source("costs", lambda cases: [7 for _ in cases])
    doc = "What it costs."
    registry.register_evidence(
        "cost.monthly", Type.NUMBER, doc, lambda _case, found: found, example=1, source="costs"
    )
    assert language.parts("cost.monthly < 10")[0].facts == ("cost.monthly",)
    for name, source in (("cost.monthly", "costs"), ("cost", ""), ("cost.x", "absent")):
        with pytest.raises(ValueError, match="fact"):
            registry.register_evidence(
                name, Type.NUMBER, doc, lambda _case, found: found, example=1, source=source
            )
