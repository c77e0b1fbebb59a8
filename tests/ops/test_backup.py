"""Backup and restore by their commands, in processes of their own, on SQLite and PostgreSQL."""

import json
import os
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from deploy.processes import TABLES

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
MAKE = """
from gitops.models import CloudAccount
from rbac.models import User
User.objects.create_user("dana.dev", "dana@example.test", "a good password")
CloudAccount.objects.create(name="prod", credentials={"secret_access_key": "hush-hush"})
"""
READ = """
from gitops.models import CloudAccount
from rbac.models import User
assert User.objects.get(username="dana.dev").check_password("a good password")
print(CloudAccount.objects.get(name="prod").credentials["secret_access_key"])
"""


class Installation:
    """One set of settings: its own state folder, keys and database."""

    def __init__(self, state: Path, database: str = "") -> None:
        self.state = state
        self.env = {"SLIPWAY_STATE_DIR": str(state)}
        if database:
            self.env["SLIPWAY_DATABASE_URL"] = database

    def manage(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SLIPWAY_")}
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env={**kept, **self.env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def must(self, *words: str, stdin: str = "") -> str:
        done = self.manage(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def filled(self) -> "Installation":
        if "SLIPWAY_DATABASE_URL" in self.env:
            self.must("migrate", "-v0")  # every migration on PostgreSQL, too
            self.must("shell", "-v0", "-c", MAKE)
        else:
            self.must("shell", "-v0", "-c", f"{TABLES}\n{MAKE}")
        repository = self.state / "repositories" / "orders.git"
        subprocess.run(["git", "init", "-q", "--bare", str(repository)], check=True, timeout=30)
        empty = subprocess.run(
            ["git", "-C", str(repository), "mktree"],
            stdin=subprocess.DEVNULL,
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout.strip()
        identity = {"GIT_AUTHOR_NAME": "d", "GIT_AUTHOR_EMAIL": "d@e", "GIT_COMMITTER_NAME": "d"}
        commit = subprocess.run(
            ["git", "-C", str(repository), "commit-tree", empty, "-m", "first"],
            env={**os.environ, **identity, "GIT_COMMITTER_EMAIL": "d@e"},
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        ).stdout.strip()
        command = ["git", "-C", str(repository), "update-ref", "refs/heads/main", commit]
        subprocess.run(command, check=True, timeout=30)
        return self

    def head(self) -> str:
        repository = self.state / "repositories" / "orders.git"
        command = ["git", "-C", str(repository), "rev-parse", "refs/heads/main"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        fsck = ["git", "-C", str(repository), "fsck", "--full"]
        subprocess.run(fsck, check=True, capture_output=True, timeout=30)
        return done.stdout.strip()


def test_a_backup_restores_on_an_empty_machine(tmp_path: Path) -> None:
    old = Installation(tmp_path / "old").filled()
    told = old.must("backup", str(tmp_path / "night.tar.gz"))
    assert "sqlite database, 1 repositories and the keys" in told

    new = Installation(tmp_path / "new")
    new.must("restore", "--keys", str(tmp_path / "night.tar.gz"))
    told = new.must("restore", str(tmp_path / "night.tar.gz"))
    assert "Restored the backup of" in told
    assert new.must("shell", "-v0", "-c", READ).strip() == "hush-hush"
    assert new.head() == old.head()


def test_a_proposal_made_after_the_database_was_copied_is_forgotten(tmp_path: Path) -> None:
    old = Installation(tmp_path / "old").filled()
    repository = old.state / "repositories" / "orders.git"
    reference = "refs/slipway/changes/42"
    command = ["git", "-C", str(repository), "update-ref", reference, old.head()]
    subprocess.run(command, check=True, timeout=30)
    old.must("backup", str(tmp_path / "night.tar.gz"))

    new = Installation(tmp_path / "new")
    new.must("restore", "--keys", str(tmp_path / "night.tar.gz"))
    new.must("restore", str(tmp_path / "night.tar.gz"))
    listed = subprocess.run(
        ["git", "-C", str(new.state / "repositories" / "orders.git"), "for-each-ref"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert reference not in listed.stdout, "change 42 of the future would take it for its own"
    assert "refs/heads/main" in listed.stdout


def test_keys_in_use_are_not_replaced_and_unused_ones_are_set_aside(tmp_path: Path) -> None:
    old = Installation(tmp_path / "old").filled()
    old.must("backup", str(tmp_path / "night.tar.gz"))
    live = Installation(tmp_path / "live").filled()
    before = (live.state / "encryption.key").read_text()
    refused = live.manage("restore", "--keys", str(tmp_path / "night.tar.gz"))
    assert "The database has tables already." in refused.stderr
    assert (live.state / "encryption.key").read_text() == before

    new = Installation(tmp_path / "new")
    new.must("check")  # makes keys of its own
    mine = (new.state / "encryption.key").read_text()
    new.must("restore", "--keys", str(tmp_path / "night.tar.gz"))
    aside = sorted(new.state.glob("encryption.key.until-*"))
    assert [file.read_text() for file in aside][:1] == [mine]


@pytest.mark.servers
def test_a_backup_of_postgres_restores_into_another_database(
    tmp_path: Path, postgres_server: str
) -> None:
    old = Installation(tmp_path / "old", postgres_server).filled()
    old.must("backup", str(tmp_path / "night.tar.gz"))
    again = old.manage("restore", str(tmp_path / "night.tar.gz"))
    assert again.returncode == 1
    assert "The database has tables already. Name an empty database" in again.stderr

    with psycopg.connect(postgres_server, autocommit=True, connect_timeout=5) as database:
        database.execute("DROP SCHEMA public CASCADE")
        database.execute("CREATE SCHEMA public")
    new = Installation(tmp_path / "new", postgres_server)
    new.must("restore", "--keys", str(tmp_path / "night.tar.gz"))
    new.must("restore", str(tmp_path / "night.tar.gz"))
    assert new.must("shell", "-v0", "-c", READ).strip() == "hush-hush"
    assert new.head() == old.head()


def test_the_file_is_private_and_complete(tmp_path: Path) -> None:
    old = Installation(tmp_path / "old").filled()
    file = tmp_path / "night.tar.gz"
    old.must("backup", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as archive:
        member = archive.extractfile("manifest.json")
        assert member is not None
        manifest = json.load(member)
    assert manifest["repositories"] == ["orders.git"]
    assert any(name.startswith("rbac.0001") for name in manifest["migrations"])
    again = old.manage("backup", str(file))
    assert "exists. Name a file that does not exist yet." in again.stderr


def test_restore_refuses_other_keys_and_other_files(tmp_path: Path) -> None:
    old = Installation(tmp_path / "old").filled()
    file = tmp_path / "night.tar.gz"
    old.must("backup", str(file))
    new = Installation(tmp_path / "new")
    new.env["SLIPWAY_ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
    refused = new.manage("restore", str(file))
    assert "The settings lack the encryption keys of this backup." in refused.stderr
    (tmp_path / "holiday.jpg").write_bytes(b"not a tar")
    refused = new.manage("restore", str(tmp_path / "holiday.jpg"))
    assert "is not a backup of Slipway" in refused.stderr
