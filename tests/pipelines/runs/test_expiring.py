"""Artifacts go when their time is over; content that another one has stays."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from idp.common.errors import TemporaryBackendError
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
    assert Artifact.objects.filter(expires_at__isnull=False).exists()  # and its row for it
    os.utime(path_of(digest), (1, 1))
    assert expiring.expire() == 1


class Away:
    """A store that cannot take anything away."""

    def delete(self, digest: str, *, older_than: float) -> bool:
        raise TemporaryBackendError("The bucket of artifacts cannot be reached.")


def test_a_store_that_is_away_keeps_the_rows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = kept(world, b"one", "a", expired=True)
    with monkeypatch.context() as patch:
        patch.setattr(blobs, "store", Away)
        assert expiring.expire() == 0
    assert Artifact.objects.get().digest == digest
    assert (expiring.expire(), path_of(digest).exists()) == (1, False)


def test_one_killed_after_the_content_went_leaves_a_row_that_goes_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = kept(world, b"one", "a", expired=True)
    delete = blobs.delete

    def killed(digest: str) -> bool:
        delete(digest)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            expiring.expire()
    assert (path_of(digest).exists(), Artifact.objects.count()) == (False, 1)
    assert (expiring.expire(), Artifact.objects.count()) == (1, 0)


def test_old_content_that_no_row_names_goes(world: World) -> None:
    named = kept(world, b"one", "a", expired=False)
    orphan, _ = blobs.put(io.BytesIO(b"orphan"))
    fresh, _ = blobs.put(io.BytesIO(b"fresh"))
    left = Path(settings.BLOBS_DIR) / ".new-left"
    left.write_bytes(b"x")
    for path in (path_of(orphan), left):
        os.utime(path, (1, 1))
    assert expiring.sweep_orphans() == 1
    there = [path.exists() for path in (path_of(named), path_of(orphan), path_of(fresh), left)]
    assert there == [True, False, True, False]


def test_a_run_looks_at_a_bounded_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiring, "MOST_STORED", 2)
    for number in range(5):
        os.utime(path_of(blobs.put(io.BytesIO(b"%d" % number))[0]), (1, 1))
    assert [expiring.sweep_orphans("") for _ in range(4)] == [2, 2, 1, 0]
