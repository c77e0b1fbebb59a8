"""Artifacts go when their time is over; content that another one has stays."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from pipelines.backends import blobs
from pipelines.backends.files import Folder
from pipelines.runs import claiming
from pipelines.runs.models import Artifact
from pipelines.runs.services import expiring
from tests.pipelines.runs.conftest import World


def path_of(digest: str) -> Path:
    return Folder(Path(settings.BLOBS_DIR)).path_of(digest)


def kept(world: World, data: bytes, name: str, *, expired: bool) -> str:
    """The digest of an artifact of a job of its own."""
    world.start(f"{name}: {{script: [echo]}}")
    (taken,) = claiming.take(1)
    digest, size = blobs.put(io.BytesIO(data))
    os.utime(path_of(digest), (1, 1))
    Artifact.objects.create(
        attempt=taken.attempt,
        kind="archive",
        name=name,
        digest=digest,
        size=size,
        entries=1,
        expires_at=timezone.now() if expired else None,
    )
    return digest


def test_what_is_over_goes_with_its_content(world: World) -> None:
    digest = kept(world, b"one", "a", expired=True)
    assert expiring.expire() == 1
    assert not Artifact.objects.exists()
    assert not path_of(digest).exists()


@pytest.mark.parametrize("shared", [True, False])
def test_what_others_have_stays(world: World, *, shared: bool) -> None:
    digest = kept(world, b"one", "a", expired=True)
    kept(world, b"one" if shared else b"two", "b", expired=False)
    expiring.expire()
    assert path_of(digest).exists() is shared


def test_what_was_just_put_stays_for_its_row(world: World) -> None:
    digest = kept(world, b"one", "a", expired=True)
    blobs.put(io.BytesIO(b"one"))
    expiring.expire()
    assert path_of(digest).exists()
