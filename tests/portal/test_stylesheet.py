"""The style sheet holds nothing that no page uses, and pages use no class that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

ROOT: Path = settings.BASE_DIR
PLACES = (
    "templates", "frontend/js", "idp", "rbac", "portal", "gitops", "schemas", "environments",
    "pipelines",
)  # fmt: skip
SUFFIXES = {".html", ".jinja", ".js", ".py"}
BUILT = re.compile(r"is-\d+")  # by a template from a number: `is-{{ width }}`


def classes() -> set[str]:
    text = "".join(path.read_text() for path in (ROOT / "frontend" / "css").glob("*.css"))
    without = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", text, flags=re.DOTALL)
    return set(re.findall(r"\.([a-zA-Z][\w-]*)", without.replace(".css", "")))


def sources() -> Iterator[str]:
    for place in PLACES:
        for path in (ROOT / place).rglob("*"):
            if path.suffix in SUFFIXES:
                yield path.read_text()


def test_every_class_of_the_style_sheet_is_used() -> None:
    words = set(re.findall(r"[\w-]+", " ".join(sources())))
    unused = {name for name in classes() - words if not BUILT.fullmatch(name)}
    assert unused == set()


def test_every_class_of_a_template_has_a_rule() -> None:
    known, pattern = classes(), re.compile(r'class="([^"]*)"')
    named: set[str] = set()
    for path in (ROOT / "templates").rglob("*.html"):
        for value in pattern.findall(re.sub(r"\{[%{].*?[%}]\}", " ", path.read_text())):
            named |= {word for word in value.split() if word.startswith("sw-")}
    assert named - known == set()
