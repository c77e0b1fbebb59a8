"""Signed commits, by real keys and the real git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pytest_django import Settings

from gitops import repositories
from gitops.hosts import signatures
from gitops.hosts.local import MAIN, LocalRepository
from pipelines.evidence import registry
from pipelines.evidence.of_commits import ALLOWED
from tests.pipelines.evidence.making import case, read
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db


class Signing:
    """A clone of the project's repository, and keys of people."""

    def __init__(self, people: Characters, home: Path) -> None:
        self.project = people.project
        self.bare: LocalRepository = repositories.local(repositories.ensure(self.project))
        self.home, self.clone = home, home / "clone"
        self._run("git", "clone", "-q", str(self.bare.path), str(self.clone), at=home)

    def key(self, name: str) -> str:
        """A new key; its public half."""
        words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.home / name))
        self._run(*words, at=self.home)
        return (self.home / f"{name}.pub").read_text().strip()

    def commit(self, signer: str = "", **files: str) -> str:
        """A commit on main, signed by a key; its id."""
        for path, text in files.items():
            target = self.clone / path
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
        self._run("git", "add", "-A", at=self.clone)
        sign = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={self.home / signer}.pub"]
        who = ["-c", "user.name=dana", "-c", "user.email=dana@example.test"]
        words = ["commit", "-q", "--allow-empty", "-m", "Change it", *(["-S"] if signer else [])]
        self._run("git", *who, *(sign if signer else []), *words, at=self.clone)
        fetched = ("fetch", "-q", str(self.clone), f"+HEAD:{MAIN}")
        self._run("git", *fetched, at=self.bare.path)
        return self.bare.ref(MAIN)

    def _run(self, *words: str, at: Path) -> None:
        environment = {"HOME": str(self.home), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        subprocess.run(words, cwd=at, check=True, timeout=20, capture_output=True, env=environment)

    def facts(self, sha: str) -> tuple[object, object]:
        of = case(self.project, sha)
        return read(of, "commit.signed"), read(of, "commit.signer")


@pytest.fixture
def signing(people: Characters, settings: Settings, tmp_path: Path) -> Signing:
    settings.REPOSITORIES_DIR = tmp_path / "repositories"
    return Signing(people, tmp_path)


def test_without_a_list_nothing_is_known(signing: Signing) -> None:
    signing.key("dana")
    signed, signer = signing.facts(signing.commit("dana"))
    assert "which says whose signatures count" in str(signed)
    assert "Put a line for each signer" in str(signer)


def test_who_signed_is_known_by_the_list(signing: Signing) -> None:
    listed = f'dana@example.test namespaces="git" {signing.key("dana")}\n'
    signing.key("stranger")
    first = signing.commit("dana", **{ALLOWED: listed})
    assert signing.facts(first) == (True, "dana@example.test")
    assert signing.facts(signing.commit("stranger")) == (False, "")
    assert signing.facts(signing.commit()) == (False, "")
    assert signing.facts(first) == (True, "dana@example.test")


def test_a_key_whose_time_is_over_signs_nothing(signing: Signing) -> None:
    listed = f'dana@example.test valid-before="20200101" {signing.key("dana")}\n'
    assert signing.facts(signing.commit("dana", **{ALLOWED: listed})) == (False, "")


def test_a_commit_that_claims_a_signature_has_none(signing: Signing) -> None:
    """The message may say whatever git would print."""
    listed = f"dana@example.test {signing.key('dana')}\n"
    signing.commit("dana", **{ALLOWED: listed})
    text = 'Good "git" signature for dana@example.test with ED25519 key SHA256:x'
    sha = signing.commit(**{"a.txt": text})
    assert signing.facts(sha) == (False, "")


@pytest.mark.parametrize("listed", ["\0\xff garbage", "-oProxyCommand=x ssh-ed25519 AAAA", ""])
def test_a_list_that_is_none_trusts_nobody(signing: Signing, listed: str) -> None:
    signing.key("dana")
    assert signing.facts(signing.commit("dana", **{ALLOWED: listed})) == (False, "")


def test_where_nothing_can_be_checked_it_is_not_known(
    signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = signing.commit(**{ALLOWED: "dana@example.test ssh-ed25519 AAAA\n"})
    which = shutil.which
    monkeypatch.setattr(
        signatures.shutil, "which", lambda name: None if name == "ssh-keygen" else which(name)
    )
    signed, _ = signing.facts(sha)
    assert "ssh-keygen is not installed" in str(signed)


def test_many_commits_read_the_list_once(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = signing.commit(**{ALLOWED: "dana@example.test ssh-ed25519 AAAA\n"})
    read_file, reads = LocalRepository.read_file, []

    def counted(self: LocalRepository, commit: str, path: str) -> bytes | None:
        reads.append(path)
        return read_file(self, commit, path)

    monkeypatch.setattr(LocalRepository, "read_file", counted)
    registry.read_all([case(signing.project, sha)] * 50, ["commit.signed", "commit.signer"])
    assert reads == [ALLOWED]
