"""Config repositories as services see them: read, propose, move `main`. Git is behind `hosts`."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from gitops.hosts.hook import install
from gitops.hosts.local import MAIN, CommitFacts, LocalRepository
from gitops.models import ConfigRepository
from idp.common.addresses import whole
from idp.common.errors import Clash, Refusal, TemporaryBackendError
from rbac.actors import Actor
from rbac.models import Project

_ATTEMPTS = 5
_OURS = re.compile(r"^[^\S\n]*Slipway-\w+[^\S\n]*:.*$", re.MULTILINE | re.IGNORECASE)


def path_of(repo: ConfigRepository) -> Path:
    return Path(settings.REPOSITORIES_DIR) / f"{repo.project.name}.git"


def local(repo: ConfigRepository) -> LocalRepository:
    return LocalRepository(path_of(repo))


def clone_address(repo: ConfigRepository) -> str:
    """The address that people give to `git clone`."""
    return address_of(repo.project)


def address_of(project: Project) -> str:
    """The same of a project, whose repository may not be made yet."""
    return whole(f"/git/{project.name}.git")


def ensure(project: Project) -> ConfigRepository:
    """The project's repository, made where it is missing, its hooks in place and no old locks."""
    repo, _ = ConfigRepository.objects.get_or_create(project=project)
    on_disk = local(repo)
    if not on_disk.path.joinpath("HEAD").exists() or not on_disk.head():
        on_disk.create(project.title or project.name)
        ConfigRepository.objects.filter(pk=repo.pk, seen_commit="").update(
            seen_commit=on_disk.head()
        )
    on_disk.unlock()
    install(on_disk.path, Path(settings.GIT_JUDGE_SOCKET))
    return repo


def head(repo: ConfigRepository) -> str:
    """The commit that `main` points to."""
    return local(repo).head()


def read_directory(repo: ConfigRepository, commit: str, directory: str) -> dict[str, bytes]:
    """The directory's files by relative path, within bounds; empty where it is not there."""
    return local(repo).read_directory(commit, directory)


def tree_id(repo: ConfigRepository, commit: str, directory: str) -> str:
    """The directory's tree id (its base and ETag), empty where it is not there."""
    return local(repo).tree_id(commit, directory)


def history(repo: ConfigRepository, directory: str = "", *, limit: int = 50) -> list[CommitFacts]:
    """Commits on `main` that touched a directory, newest first."""
    on_disk = local(repo)
    return [on_disk.commit(sha) for sha in on_disk.commits(MAIN, limit=limit, path=directory)]


def proposal_ref(change_id: int) -> str:
    return f"refs/slipway/changes/{change_id}"


def proposal(repo: ConfigRepository, change_id: int) -> str:
    """The commit proposed by a change, or empty."""
    return local(repo).ref(proposal_ref(change_id))


def author_of(author: Actor) -> tuple[str, str]:
    if author.user is None:
        return author.label, "slipway@localhost"
    name = author.user.get_full_name() or author.user.username
    return name, author.user.email or f"{author.user.username}@localhost"


def propose(  # noqa: PLR0917 - a commit's seven parts, in git's own order
    repo: ConfigRepository,
    change_id: int,
    directory: str,
    files: Mapping[str, bytes | None] | None,
    base_commit: str,
    author: Actor,
    message: str,
) -> str:
    """A commit on refs/slipway/changes/N: files changed (None removes one; no mapping: all).

    The person is the author, Slipway the committer; trailers name the change and the request, and
    lines of the message that would pass for them are left out.
    """
    trailers = f"Slipway-Change: {change_id}\n"
    if author.request_id:
        trailers += f"Slipway-Request: {author.request_id[:64]}\n"
    return local(repo).propose(
        proposal_ref(change_id),
        base=base_commit,
        directory=directory,
        files=files,
        author=author_of(author),
        message=f"{_OURS.sub('', message).strip() or f'Change {change_id}'}\n\n{trailers}",
    )


def fast_forward(
    repo: ConfigRepository, change_id: int, sha: str, expected_base_tree: str, directory: str
) -> str:
    """Bring a change's proposal onto `main` and return the commit that stands there.

    A proposal whose siblings moved gets a new parent; one whose own directory moved is a `Refusal`.
    Called again after a crash it recognises what it did by the change's reference.
    """
    on_disk = local(repo)
    ref = proposal_ref(change_id)
    for attempt in range(_ATTEMPTS):
        time.sleep(attempt * random.uniform(0.02, 0.1))  # noqa: S311 - spreads those who collide
        main = on_disk.head()
        current = on_disk.ref(ref) or sha
        if on_disk.contains(main, current):
            return current
        found = on_disk.tree_id(main, directory)
        if found != expected_base_tree:
            last = next(iter(history(repo, directory, limit=1)), None)
            by = f" by {last.author} (“{last.subject}”)" if last else ""
            raise Refusal(
                f"{directory} was changed meanwhile{by}.", fix="Look at it again and propose anew."
            )
        if on_disk.commit(current).parents != (main,):
            current = on_disk.reparent(ref, current, main, directory)
        try:
            on_disk.update_ref(MAIN, current, main)
        except Clash:
            continue
        return current
    raise TemporaryBackendError(f"main of {repo} moves too fast.", retry_after=2)
