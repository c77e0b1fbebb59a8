from __future__ import annotations

import pytest

from gitops import repositories
from gitops.arriving import admit, arrived
from gitops.hosts.local import MAIN, ZERO
from gitops.models import HostedMergeRequest
from gitops.review import services
from gitops.review.following import on_disk
from rbac.actors import Actor
from tests.rbac.factories import Characters


class Desk:
    """A project's repository and people who push to it as `git push` does, without the wire."""

    def __init__(self, people: Characters) -> None:
        self.people, self.project = people, people.project
        self.repo = repositories.ensure(people.project)
        self.here = on_disk(people.project)
        self.dana, self.mate = Actor(people.developer), Actor(people.mate)
        self.lead = Actor(people.maintainer)

    def push(self, who: Actor, branch: str, **files: str | None) -> str:
        """A commit on a branch, made from main where it is new; `name__txt` is `name.txt`."""
        ref = f"refs/heads/{branch}"
        old = self.here.ref(ref)
        content = {
            name.replace("__", ".").replace("___", "/"): None if text is None else text.encode()
            for name, text in files.items()
        }
        new = self.commit(old or self.here.head(), content)
        assert admit(who, self.repo, self.here, [(old or ZERO, new, ref)]) == []
        self.here.update_ref(ref, new, old)
        self.said = arrived(who, self.repo, [(old or ZERO, new, ref)])
        return new

    def commit(self, base: str, files: dict[str, bytes | None]) -> str:
        ref = "refs/slipway/tests"
        author = ("Somebody", "somebody@example.org")
        return self.here.write(ref, base=base, files=files, author=author, message="By hand")

    def open(self, who: Actor | None = None, source: str = "topic") -> HostedMergeRequest:
        return services.open_request(
            who or self.dana, self.project, source_branch=source, title="Sell more"
        )

    @property
    def main(self) -> str:
        return self.here.ref(MAIN)


@pytest.fixture
def desk(people: Characters) -> Desk:
    return Desk(people)
