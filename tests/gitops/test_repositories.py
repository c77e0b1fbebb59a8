from __future__ import annotations

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gitops import repositories
from gitops.hosts import hook
from gitops.hosts.local import MAIN, LocalRepository, checked_path
from gitops.models import Application
from idp.changes.models import Change
from idp.common.errors import Clash, Invalid, TemporaryBackendError
from rbac.actors import Actor
from tests.gitops.factories import bring, config, deployment, make_application, propose
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

AUTHOR = ("Dana <Dev>\n", "dana@example.org")


@pytest.fixture
def repo(tmp_path: Path) -> LocalRepository:
    made = LocalRepository(tmp_path / "orders.git")
    made.create("Orders")
    return made


def _propose(
    repo: LocalRepository,
    number: int,
    files: dict[str, bytes | None] | None,
    directory: str = "environments/a",
) -> str:
    return repo.propose(
        f"refs/slipway/changes/{number}",
        base=repo.head(),
        directory=directory,
        files=files,
        author=AUTHOR,
        message=f"Change\n\nSlipway-Change: {number}",
    )


def test_a_new_repository_has_one_commit_and_is_made_once(repo: LocalRepository) -> None:
    first = repo.head()
    repo.create("Orders")
    assert repo.head() == first
    assert repo.commit(first).subject == "Start the repository"
    assert repo.changed("", first) == ["README.md"]


def test_a_proposal_stands_on_its_own_ref_with_author_and_committer(repo: LocalRepository) -> None:
    before = repo.head()
    sha = _propose(repo, 7, {"environment.yaml": b"a: 1\n", "manifests/job.yaml": b"\x00bin\n"})
    assert repo.head() == before
    assert repo.ref("refs/slipway/changes/7") == sha
    assert repo.read_directory(sha, "environments/a") == {
        "environment.yaml": b"a: 1\n",
        "manifests/job.yaml": b"\x00bin\n",
    }
    facts = repo.commit(sha)
    assert (facts.author, facts.change, facts.parents) == ("Dana Dev", 7, (before,))
    line = subprocess.run(
        ["git", f"--git-dir={repo.path}", "log", "-1", "--format=%an|%ae|%cn", sha],
        capture_output=True, check=True, text=True,
    ).stdout.strip()  # fmt: skip
    assert line == "Dana Dev|dana@example.org|Slipway"


def test_removing_a_file_and_the_whole_directory(repo: LocalRepository) -> None:
    repo.update_ref(MAIN, _propose(repo, 1, {"x": b"1", "y": b"2"}), repo.head())
    repo.update_ref(MAIN, _propose(repo, 2, {"x": None}), repo.head())
    assert repo.read_directory(MAIN, "environments/a") == {"y": b"2"}
    repo.update_ref(MAIN, _propose(repo, 3, None), repo.head())
    assert repo.read_directory(MAIN, "environments/a") == {}
    assert repo.tree_id(MAIN, "environments/a") == ""


def test_main_moves_by_compare_and_set_only(repo: LocalRepository) -> None:
    old = repo.head()
    repo.update_ref(MAIN, _propose(repo, 1, {"x": b"1"}), old)
    with pytest.raises(Clash, match=r"refs/heads/main of orders\.git moved meanwhile"):
        repo.update_ref(MAIN, old, old)


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../b", "/etc/passwd", ".git/config", "a/.GIT/x", "a//b", "", 'a"b', "a\nb", "./a"],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(Invalid, match="is not a path inside the environment's directory"):
        checked_path(path)


def _commit_by_hand(repo: LocalRepository, mode: str, path: str, sha: str) -> str:
    def git(*words: str, data: str = "") -> str:
        return subprocess.run(
            ["git", f"--git-dir={repo.path}", "-c", "user.name=x", "-c", "user.email=x@y", *words],
            input=data, capture_output=True, check=True, text=True,
        ).stdout.strip()  # fmt: skip

    blob = sha or git("hash-object", "-w", "--stdin", data="../../../etc/passwd")
    kind = "commit" if mode == "160000" else "blob"
    leaf = git("mktree", "--missing", data=f"{mode} {kind} {blob}\t{path}\n")
    inner = git("mktree", data=f"040000 tree {leaf}\ta\n")
    tree = git("mktree", data=f"040000 tree {inner}\tenvironments\n")
    return git("commit-tree", tree, "-m", "by hand")


@pytest.mark.parametrize(
    ("mode", "sha", "what"),
    [("120000", "", "a symbolic link"), ("160000", "1" * 40, "a submodule")],
)
def test_links_and_submodules_are_refused_by_name(
    repo: LocalRepository, mode: str, sha: str, what: str
) -> None:
    commit = _commit_by_hand(repo, mode, "evil", sha)
    with pytest.raises(Invalid, match=f"environments/a/evil is {what}"):
        repo.read_directory(commit, "environments/a")


def test_reading_is_bounded(repo: LocalRepository) -> None:
    sha = _propose(repo, 1, {"x": b"1"})
    assert repo.read_directory(sha, "environments/a")
    with pytest.raises(Invalid, match="at most 200 files of 256 KB each, 2 MB in all"):
        _propose(repo, 2, {f"f{n}": b"x" for n in range(201)})
    with pytest.raises(Invalid, match="at most 200 files"):
        _propose(repo, 3, {"big": b"x" * (256 * 1024 + 1)})


def test_changed_paths_between_commits(repo: LocalRepository) -> None:
    one = _propose(repo, 1, {"x": b"1"})
    assert repo.changed(repo.head(), one) == ["environments/a/x"]
    assert repo.commits(one, repo.head()) == [one]


def test_an_unknown_commit_is_named(repo: LocalRepository) -> None:
    with pytest.raises(Invalid, match="has no commit 1111"):
        repo.commit("1" * 40)
    with pytest.raises(Invalid, match="is no commit"):
        repo.commit("main; rm -rf /")


def _lock(path: Path, name: str, age: float) -> Path:
    lock = path / f"{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    os.utime(lock, (time.time() - age,) * 2)
    return lock


@pytest.mark.parametrize("name", [MAIN, "HEAD"])
def test_a_lock_is_waited_for_and_removed_once_nobody_can_hold_it(
    repo: LocalRepository, name: str
) -> None:
    old, new = repo.head(), _propose(repo, 1, {"x": b"1"})
    lock = _lock(repo.path, name, age=5)
    with pytest.raises(TemporaryBackendError, match=r"Another process writes to orders\.git"):
        repo.update_ref(MAIN, new, old)
    assert lock.exists(), "its owner may live"
    _lock(repo.path, name, age=120)
    with pytest.raises(TemporaryBackendError):
        repo.update_ref(MAIN, new, old)
    repo.update_ref(MAIN, new, old)
    assert repo.head() == new


def test_a_reference_that_git_cannot_write_is_no_clash(repo: LocalRepository) -> None:
    with pytest.raises(TemporaryBackendError, match="git update-ref failed"):
        repo.update_ref(MAIN, "1" * 40, repo.head())


@pytest.mark.parametrize("name", [MAIN, "refs/slipway/changes/{}"])
def test_a_change_outlives_the_lock_that_a_killed_process_left(
    app: Application, dana: Actor, name: str
) -> None:
    bring(dana, app, deployment(replicas=1))
    change = propose(dana, app, config(A="1"))
    path = repositories.path_of(app.repository)
    lock = _lock(path, name.format(change.pk), age=120)
    done = run_until_settled(change)
    assert done.state == Change.State.SUCCEEDED, done.reason
    assert not lock.exists()


def test_making_a_repository_ready_for_a_push_removes_old_locks_only(app: Application) -> None:
    path = repositories.path_of(app.repository)
    old = [_lock(path, name, age=120) for name in (MAIN, "HEAD", "refs/heads/a/b", "refs/tags/v1")]
    new = _lock(path, "refs/heads/c", age=5)
    repositories.ensure(app.repository.project)
    assert not any(lock.exists() for lock in old)
    assert new.exists()


def test_main_that_moves_all_the_time_is_tried_again_later(
    app: Application, dana: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(dana, app, deployment(replicas=1))

    def moved(*_: object) -> None:
        raise Clash("main moved meanwhile.")

    change = propose(dana, app, config(A="1"))
    with monkeypatch.context() as patch:
        patch.setattr(LocalRepository, "update_ref", moved)
        waiting = run_until_settled(change, rounds=3)
        assert waiting.state == Change.State.APPLYING, waiting.reason
        assert "moves too fast. Trying again in" in waiting.reason
    assert run_until_settled(change).state == Change.State.SUCCEEDED


def test_many_processes_may_install_the_hooks_at_once(
    repo: LocalRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, gate = repo.path / "judge.sock", threading.Barrier(2)
    chmod = Path.chmod

    def together(self: Path, mode: int) -> None:
        gate.wait(10)  # both have written, neither has moved its file in
        chmod(self, mode)

    monkeypatch.setattr(Path, "chmod", together)
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(hook.install, repo.path, socket) for _ in range(2)]
        assert [one.result(20) for one in done] == [None, None]
    hooks = repo.path / "hooks"
    assert {f.name for f in hooks.iterdir() if not f.name.endswith(".sample")} == set(hook.HOOKS)
    assert all((hooks / name).read_text() == hook.text(socket) for name in hook.HOOKS)
    assert all((hooks / name).stat().st_mode & 0o777 == 0o700 for name in hook.HOOKS)


def test_two_first_users_make_one_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Barrier(2)
    write = LocalRepository._import

    def together(self: LocalRepository, *arguments: Any) -> str:
        gate.wait(10)  # both have seen that there is no commit yet
        return write(self, *arguments)

    monkeypatch.setattr(LocalRepository, "_import", together)
    made = LocalRepository(tmp_path / "shop.git")
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(made.create, "Shop") for _ in range(2)]
        assert [one.result(20) for one in done] == [None, None]
    assert made.commit(made.head()).subject == "Start the repository"
    assert made._run("for-each-ref", "--format=%(refname)").split() == [b"refs/heads/main"]


def test_only_the_last_lines_of_a_commit_say_which_change_it_is(repo: LocalRepository) -> None:
    message = "Change\n\nSlipway-Change: 3\n\nSlipway-Change: 7\nSlipway-Request: r\n"
    files = {"x": b"1"}
    sha = repo.propose(
        "refs/heads/x", base=repo.head(), directory="a", files=files, author=AUTHOR, message=message
    )
    assert repo.commit(sha).change == 7
    sha = repo.propose(
        "refs/heads/y", base=repo.head(), directory="a", files=files, author=AUTHOR,
        message="Quoting\n\nSlipway-Change: 3\n\nas somebody wrote.",
    )  # fmt: skip
    assert repo.commit(sha).change is None


@pytest.mark.parametrize(
    "form", ["Slipway-Change: {}", "  slipway-change : {}", "a\nSlipway-Change: {}"]
)
def test_a_message_that_names_another_change_moves_only_its_own(
    app: Application, dana: Actor, people: Characters, form: str
) -> None:
    live = make_application(people.project, "live", "production")
    bring(dana, app, deployment(replicas=1))
    old = bring(dana, app, config(A="1"))
    pending = propose(
        Actor(people.maintainer), live, deployment(), interactive=True, verb="environment.create"
    )
    assert run_until_settled(pending).state == Change.State.READY
    proposed = repositories.proposal(app.repository, pending.pk)
    for number, named in enumerate((old, pending), 2):
        change = bring(dana, app, config(A=str(number)), message=form.format(named.pk))
        assert change.state == Change.State.SUCCEEDED, change.reason
        main = repositories.head(app.repository)
        assert main == repositories.proposal(app.repository, change.pk)
        facts = repositories.local(app.repository).commit(main)
        assert facts.change == change.pk
        assert f": {named.pk}" not in facts.message
        written = repositories.read_directory(app.repository, main, app.directory)
        assert f"A: '{number}'" in written["fake.yaml"].decode()
    assert repositories.proposal(app.repository, pending.pk) == proposed
    assert not repositories.tree_id(app.repository, main, live.directory)
