"""The house checks find what they are for."""

import ast
from pathlib import Path

import pytest

from deploy import house

FILE = Path("gitops/services.py")


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("gitops/services.py", "import boto3\n", ["imports the SDK boto3 outside its room"]),
        ("gitops/backends/aws.py", "import boto3\n", []),
        ("idp/cli.py", "import httpx\n", []),
        (
            "rbac/services.py",
            "def f() -> None:\n    from rbac.models import User\n",
            ["imports rbac.models inside a function"],
        ),
    ],
)
def test_imports(path: str, source: str, found: list[str]) -> None:
    told = list(house.of_imports(Path(path), ast.parse(source)))
    assert [line.split(" ", 1)[1] for line in told] == found


def test_sizes() -> None:
    source = "def long() -> None:\n" + "    pass\n" * 60
    told = list(house.of_sizes(FILE, source, ast.parse(source)))
    assert told == ["gitops/services.py:1 long has 61 lines"]
    told = list(house.of_sizes(FILE, "\n" * 501, ast.parse("")))
    assert told == ["gitops/services.py has 501 lines (at most 500)"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("x = 1  # noqa: S105", 1),
        ("x = 1  # noqa: S105  # an object's name", 0),
        ("x = 1  # type: ignore[arg-type]", 1),
        ("x = 1  # type: ignore[arg-type]  # keys name the kind", 0),
    ],
)
def test_an_exception_needs_its_reason(line: str, told: int) -> None:
    assert len(list(house.of_comments(FILE, line))) == told
