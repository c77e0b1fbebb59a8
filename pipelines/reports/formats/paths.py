"""File names as tools write them, relative to the repository."""

from __future__ import annotations

import re
from urllib.parse import unquote

from pipelines.reports.formats.base import ReportRefused

MAX_PATH = 500
_DRIVE = re.compile(r"^[A-Za-z]:/")
# Where well-known CI systems check a repository out.
_CHECKOUTS = re.compile(
    r"^/(?:builds/[^/]+/[^/]+|home/runner/work/[^/]+/[^/]+|github/workspace"
    r"|__w/[^/]+/[^/]+|var/jenkins_home/workspace/[^/]+|home/jenkins/agent/workspace/[^/]+"
    r"|workspace(?:/source)?|drone/src|woodpecker/src/[^/]+/[^/]+/[^/]+|bitrise/src"
    r"|opt/atlassian/pipelines/agent/build|home/circleci/(?:project|repo)|app|src|code)/"
)


def relative(text: str, root: str = "") -> str:
    """The path inside the checkout at `root`, or at a place that CI systems use.

    An absolute path elsewhere loses its first slash. Raises `ReportRefused` for `..`.
    """
    path = text.strip().replace("\\", "/").replace("\0", "")
    if path.startswith("file:"):
        path = unquote(path.removeprefix("file:").removeprefix("//"))
    path = _DRIVE.sub("/", path)
    parts = path.split("/")
    if ".." in parts:
        raise ReportRefused(
            "path",
            f"The file name {text[:200]!r} leaves the repository.",
            "Run the tool at the repository's root, so that its names have no “..”.",
        )
    clean = "/".join(part for part in parts if part not in {"", "."})
    if len(clean) > MAX_PATH:
        raise ReportRefused(
            "path", f"The file name {text[:80]!r}… has more than {MAX_PATH} letters."
        )
    return _inside(clean, root) if path.startswith("/") else clean


def _inside(clean: str, root: str) -> str:
    top = root.replace("\\", "/").strip("/")
    if top and f"{clean}/".startswith(f"{top}/"):
        return clean[len(top) + 1 :]
    return _CHECKOUTS.sub("", f"/{clean}", count=1).lstrip("/")
