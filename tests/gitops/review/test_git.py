"""A merge request beside ordinary `git`: the address that a push prints, what a merge leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops.models import Application, BranchPush, HostedMergeRequest
from gitops.review import merging, services
from rbac.actors import Actor
from tests.gitops.laptop import Git, push, write
from tests.rbac.factories import Characters

pytestmark = [pytest.mark.loopback, pytest.mark.django_db(transaction=True)]


def test_from_the_push_of_a_branch_to_a_pull_of_main(
    laptop: Path, git: Git, app: Application, people: Characters, dana: Actor
) -> None:
    git("checkout", "-q", "-b", "notes")
    write(laptop, "NOTES.md", "One\n")
    said = push(git, ref="notes")
    address = "http://localhost:8000/repositories/orders/merge-requests/new/?source=notes"
    assert f"open a merge request for notes: {address}" in said
    assert BranchPush.objects.get(branch="notes").actor == people.developer
    head = git("rev-parse", "HEAD").stdout.strip()
    request = services.open_request(dana, people.project, source_branch="notes", title="Notes")
    write(laptop, "NOTES.md", "Two\n")
    assert "merge request orders!1: http://localhost:8000/" in push(git, ref="notes")
    request = HostedMergeRequest.objects.get(pk=request.pk)
    assert request.sha != head
    merging.merge(dana, request, sha=request.sha, delete_source=True)
    git("fetch", "-q", "--prune", "origin")
    assert git("show", "origin/main:NOTES.md").stdout == "Two\n"
    assert "origin/notes" not in git("branch", "-r").stdout
    assert "refs/slipway" not in git("ls-remote", "origin").stdout
