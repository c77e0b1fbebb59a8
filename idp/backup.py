"""Backup and restore of all that Slipway cannot make again: database, repositories, keys.

A backup is one tar file, readable by its owner only: `manifest.json`, `database` (SQLite's own
copy, or pg_dump's custom format), `repositories/` as git bundles' bare copies and `keys.json`.
Order matters: the database first, then the repositories, so that git is never older than the rows.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from idp.changes.models import Change
from idp.common.errors import Clash, Invalid

FORMAT = 1
DUMP_SECONDS = 3600
KEYS = "keys.json"
MANIFEST = "manifest.json"
PROPOSALS = "refs/slipway/changes/"
GIT_SECONDS = 60


def write(target: Path) -> dict[str, Any]:
    """Write a backup file; its manifest. Raises `Clash` where the file exists."""
    if target.exists():
        raise Clash(f"{target} exists.", fix="Name a file that does not exist yet.")
    with tempfile.TemporaryDirectory(prefix="slipway-backup-") as scratch:
        folder = Path(scratch)
        _dump_database(folder / "database")
        _copy_repositories(Path(settings.REPOSITORIES_DIR), folder / "repositories")
        keys = {"secret_key": settings.SECRET_KEY, "encryption_keys": settings.ENCRYPTION_KEYS}
        (folder / KEYS).write_text(json.dumps(keys))
        manifest = _manifest(folder)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2))
        partial = target.with_name(target.name + ".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with (
            os.fdopen(descriptor, "wb") as output,
            tarfile.open(fileobj=output, mode="w:gz") as archive,
        ):
            for name in (MANIFEST, KEYS, "database", "repositories"):
                archive.add(folder / name, arcname=name)
        partial.rename(target)
    return manifest


def restore(source: Path) -> dict[str, Any]:
    """Put a backup in place of an empty database and repositories folder; its manifest.

    Stop every process first. Raises `Clash` where something would be overwritten, `Invalid` where
    the file is no backup, is of another database kind or needs other encryption keys.
    """
    repositories = Path(settings.REPOSITORIES_DIR)
    _require_empty(repositories)
    with tempfile.TemporaryDirectory(prefix="slipway-restore-") as scratch:
        folder = Path(scratch)
        manifest = _unpacked(source, folder)
        _require_keys(json.loads((folder / KEYS).read_text()))
        _load_database(folder / "database")
        repositories.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder / "repositories", repositories, dirs_exist_ok=True)
        _drop_later_proposals(repositories)
    return manifest


def _manifest(folder: Path) -> dict[str, Any]:
    applied = MigrationRecorder(connection).applied_migrations()
    return {
        "format": FORMAT,
        "database": connection.vendor,
        "made_at": timezone.now().isoformat(),
        "migrations": sorted(f"{app}.{name}" for app, name in applied),
        "repositories": sorted(path.name for path in (folder / "repositories").iterdir()),
    }


def _dump_database(target: Path) -> None:
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        with sqlite3.connect(target) as copy:
            connection.connection.backup(copy)
        copy.close()
    else:
        _postgres("pg_dump", "--format=custom", "--no-owner", "--file", str(target))


def _load_database(source: Path) -> None:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with sqlite3.connect(source) as copy:
            copy.backup(connection.connection)
        copy.close()
        connection.close()
    else:
        connection.close()
        _postgres(
            "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", str(source)
        )


def _postgres(program: str, *words: str) -> None:
    """Run a PostgreSQL client program on the configured database; raises `Invalid` on failure."""
    config: Mapping[str, Any] = connection.settings_dict
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD"}
    env = {variable: str(config[key]) for key, variable in names.items() if config.get(key)}
    words = (f"--dbname={config['NAME']}", *words)
    found = shutil.which(program)
    if found is None:
        raise Invalid(f"{program} is missing.", fix="Install PostgreSQL's client programs.")
    done = subprocess.run(  # noqa: S603  # a fixed program; the words are settings and our own paths
        [found, *words],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Invalid(f"{program} failed: {done.stderr.strip()[-2000:]}")


def _copy_repositories(source: Path, target: Path) -> None:
    """Each bare repository, refs after objects: what a copied ref names is always there.

    Refs move by an atomic rename and objects are only ever added, so refs are copied first.
    """
    target.mkdir(parents=True)
    if not source.exists():
        return
    for repository in sorted(path for path in source.iterdir() if path.is_dir()):
        into = target / repository.name
        refs_first = shutil.ignore_patterns("objects", "*.lock")
        shutil.copytree(repository, into, ignore=refs_first, symlinks=True)
        shutil.copytree(
            repository / "objects",
            into / "objects",
            ignore=shutil.ignore_patterns("tmp_*", "incoming-*"),
            symlinks=True,
        )


def _drop_later_proposals(repositories: Path) -> None:
    """Forget proposals of changes that the database does not know: their numbers come again.

    The repositories were copied after the database, so they may hold a few.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {Change._meta.db_table}")  # noqa: S608  # our own table's name
        last = int(cursor.fetchone()[0])
    for repository in sorted(path for path in repositories.iterdir() if path.is_dir()):
        names = _git(repository, "for-each-ref", "--format=%(refname)", PROPOSALS).split()
        for name in names:
            number = name.rsplit("/", 1)[-1]
            if number.isdecimal() and int(number) > last:
                _git(repository, "update-ref", "-d", name)


def _git(repository: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603  # fixed words and names that git listed
        [shutil.which("git") or "git", "-C", str(repository), *words],
        capture_output=True,
        text=True,
        timeout=GIT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Invalid(f"git failed in {repository.name}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _unpacked(source: Path, folder: Path) -> dict[str, Any]:
    try:
        with tarfile.open(source) as archive:
            archive.extractall(folder, filter="data")
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (tarfile.TarError, OSError, ValueError) as error:
        raise Invalid(f"{source} is not a backup of Slipway: {error}") from error
    if manifest.get("format") != FORMAT:
        raise Invalid(f"{source} has format {manifest.get('format')}, this version reads {FORMAT}.")
    if manifest["database"] != connection.vendor:
        raise Invalid(
            f"{source} holds a {manifest['database']} database, the settings name "
            f"{connection.vendor}.",
            fix="Set SLIPWAY_DATABASE_URL to a database of the same kind.",
        )
    return manifest


def _require_empty(repositories: Path) -> None:
    if connection.introspection.table_names():
        raise Clash(
            "The database has tables already.",
            fix="Name an empty database in SLIPWAY_DATABASE_URL; restore runs the migrations.",
        )
    if repositories.exists() and any(repositories.iterdir()):
        raise Clash(f"{repositories} is not empty.", fix="Name an empty folder, or move it away.")


def _require_keys(kept: Mapping[str, Any]) -> None:
    """Without the keys of the backup every stored credential would be unreadable."""
    lacking = [key for key in kept["encryption_keys"] if key not in settings.ENCRYPTION_KEYS]
    if lacking:
        raise Invalid(
            "The settings lack the encryption keys of this backup.",
            fix=f"Set SLIPWAY_ENCRYPTION_KEYS to the list in {KEYS} of the backup (newest first); "
            "`manage.py restore --keys FILE` writes it out.",
        )


def write_keys(source: Path) -> list[Path]:
    """Write a backup's keys to the state folder; the files written.

    Keys that stood there are set aside, never lost. Raises `Clash` where the database is in use:
    what it holds was encrypted with those keys.
    """
    _require_empty(Path(settings.REPOSITORIES_DIR))
    with tempfile.TemporaryDirectory(prefix="slipway-restore-") as scratch:
        _unpacked(source, Path(scratch))
        kept = json.loads((Path(scratch) / KEYS).read_text())
    state = Path(settings.STATE_DIR)
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {"secret.key": kept["secret_key"], "encryption.key": " ".join(kept["encryption_keys"])}
    written = []
    for name, text in files.items():
        if (state / name).exists():
            (state / name).rename(state / f"{name}.until-{timezone.now():%Y%m%dT%H%M%S%f}")
        descriptor = os.open(state / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
        written.append(state / name)
    return written
