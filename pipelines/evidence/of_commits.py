"""Facts of commits: who signed them, by the project's own list of signers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.core.cache import cache

from gitops.hosts.signatures import signer_of
from idp.common.errors import BackendError
from pipelines.evidence.registry import (
    Case,
    Type,
    Unknown,
    Value,
    register_evidence,
    register_source,
)
from pipelines.runs.commits import Source, source_of

ALLOWED = ".slipway/allowed_signers"
_KEPT_SECONDS = 24 * 3600  # what a commit and a list give never changes
_FIX = "Put a line for each signer there, e-mail and public SSH key; docs/gates.md shows one."


def _signers(cases: Sequence[Case]) -> Sequence[str | Unknown]:
    """Who signed each commit, empty for nobody; each project's list is read once."""
    lists: dict[int, tuple[Source, bytes] | Unknown] = {}
    for case in cases:
        if case.project.pk not in lists:
            lists[case.project.pk] = _list_of(case)
    return [_signer(case.commit, lists[case.project.pk]) for case in cases]


def _list_of(case: Case) -> tuple[Source, bytes] | Unknown:
    """The list on the default branch: what a branch says of itself counts for nothing."""
    source = source_of(case.project)
    if source is None:
        return Unknown("The project has no repository yet.", "Push its code.")
    branch = source.default_branch.removeprefix("refs/heads/")
    try:
        head = source.repository.ref(f"refs/heads/{branch}")
        found = source.repository.read_file(head, ALLOWED) if head else None
    except BackendError as error:
        return Unknown(f"{ALLOWED} of {branch} cannot be read: {error.message}")
    if found is None:
        return Unknown(f"{branch} has no {ALLOWED}, which says whose signatures count.", _FIX)
    return source, found


def _signer(commit: str, of: tuple[Source, bytes] | Unknown) -> str | Unknown:
    if isinstance(of, Unknown):
        return of
    source, allowed = of
    key = f"signer:{commit}:{hashlib.sha256(allowed).hexdigest()}"
    found = cache.get(key)
    if found is None:
        try:
            found = signer_of(source.repository, commit, allowed)
        except BackendError as error:
            return Unknown(error.message, error.fix)
        cache.set(key, found, _KEPT_SECONDS)
    return str(found)


def _is_signed(_case: Case, signer: Any) -> Value | Unknown:
    return bool(signer)


def _who(_case: Case, signer: Any) -> Value | Unknown:
    return str(signer)


def register() -> None:
    """Make the facts known."""
    register_source("signatures", _signers)
    register_evidence(
        "commit.signed",
        Type.FLAG,
        f"Whether it has an SSH signature of someone in {ALLOWED} of the default branch.",
        _is_signed,
        example=True,
        source="signatures",
    )
    register_evidence(
        "commit.signer",
        Type.TEXT,
        "Who signed it, by the name in that list; empty for nobody.",
        _who,
        example="dana@example.com",
        source="signatures",
    )
