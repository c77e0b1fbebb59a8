"""A checkout as the source of workspaces: its unignored files, and a repository to ask git in.

The repository is a view: its objects are those of the checkout, what a job commits or checks out
stays in the workspace.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipelines.running import files


@dataclass(frozen=True)
class Origin:
    """What is copied: a checkout's folder, the paths in it, and its git folder ("" for none)."""

    root: Path
    paths: tuple[str, ...]
    git: str = ""
    head: str = ""  # what HEAD holds

    def fill(self, folder: Path) -> files.Copied:
        copied = files.copy(self.root, self.paths, folder)
        if self.git:
            self._view(folder / ".git")
        return copied

    def _view(self, target: Path) -> None:
        source = Path(self.git)
        for name in ("objects/info", "refs/heads", "refs/tags"):
            (target / name).mkdir(parents=True, exist_ok=True)
        (target / "objects/info/alternates").write_text(f"{source}/objects\n")
        (target / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
        (target / "HEAD").write_text(self.head)
        for name in ("packed-refs", "shallow", "index"):
            with contextlib.suppress(OSError):
                shutil.copyfile(source / name, target / name)
        with contextlib.suppress(OSError):
            shutil.copytree(source / "refs", target / "refs", dirs_exist_ok=True)
