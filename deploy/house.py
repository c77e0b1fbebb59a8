"""What no off-the-shelf linter holds: rooms, SDK fences, sizes, reasons beside exceptions.

Run by `make lint`; prints each shortcoming with file and line, exit 1 when there is one.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

APPS = ("idp", "rbac", "portal", "gitops", "schemas", "environments", "pipelines")
SDKS = {"kubernetes", "boto3", "botocore", "git", "requests", "httpx", "urllib3", "aiohttp"}
SDK_ROOMS = re.compile(r"/(backends|hosts|executors|clients)(/|\.py)|^idp/cli")
EXCEPTION_WITHOUT_REASON = re.compile(r"#\s*(noqa|type:\s*ignore)(:\s*[\w, ]+|\[[\w, -]+\])?\s*$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
FILE_LINES, FUNCTION_LINES = 500, 60


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return [Path(line) for line in listed.stdout.splitlines() if Path(line).exists()]


def of_imports(path: Path, tree: ast.AST) -> Iterator[str]:
    """SDKs outside their rooms, and imports of our own packages inside functions."""
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            head = name.split(".")[0]
            if path.parts[0] in APPS and head in SDKS and not SDK_ROOMS.search(str(path)):
                yield f"{path}:{node.lineno} imports the SDK {head} outside its room"
            if head in APPS and id(node) in inside:
                yield f"{path}:{node.lineno} imports {name} inside a function"


def of_sizes(path: Path, source: str, tree: ast.AST) -> Iterator[str]:
    lines = source.count("\n")
    if lines > FILE_LINES:
        yield f"{path} has {lines} lines (at most {FILE_LINES})"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{path}:{node.lineno} {node.name} has {length} lines"


def of_comments(path: Path, source: str) -> Iterator[str]:
    for number, line in enumerate(source.splitlines(), 1):
        if EXCEPTION_WITHOUT_REASON.search(line):
            yield f"{path}:{number} makes an exception without saying why"
        if path.parts[0] != "deploy" and UNFINISHED.search(line):
            yield f"{path}:{number} is unfinished: {line.strip()}"


def shortcomings() -> Iterator[str]:
    for path in tracked("*.py"):
        if "migrations" in path.parts or path.parts[0] not in {*APPS, "deploy"}:
            continue
        source = path.read_text()
        tree = ast.parse(source)
        yield from of_imports(path, tree)
        yield from of_sizes(path, source, tree)
        yield from of_comments(path, source)


def main() -> int:
    found = list(shortcomings())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
