"""The company as it was just after it was built: its rows, its repositories and its AWS.

Building it takes seconds, and each test starts with a whole one.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from django.db import connection
from moto.moto_api import recorder


class Snapshot:
    """Taken at the first call, put back at each later one. SQLite alone."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._taken = folder / "state", False
        self._rows = sqlite3.connect(folder / "rows.sqlite3")
        recorder._location = str(folder / "aws.jsonl")  # the AWS of tests runs in this process

    def build(self, state: Path, aws: str, make: Callable[[str], None]) -> None:
        """A company in the empty database, the empty state folder and the empty AWS."""
        if self._taken:
            shutil.copytree(self._folder, state, dirs_exist_ok=True, symlinks=True)
            self._rows.backup(self._database())
            recorder.replay_recording(aws)
            return
        recorder.reset_recording()
        recorder.start_recording()
        try:
            make(aws)
        finally:
            recorder.stop_recording()
        shutil.copytree(state, self._folder, symlinks=True)
        self._database().backup(self._rows)
        self._taken = True

    def _database(self) -> sqlite3.Connection:
        connection.ensure_connection()
        found: sqlite3.Connection = connection.connection
        return found

    def close(self) -> None:
        self._rows.close()
