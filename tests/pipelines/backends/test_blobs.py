"""Both places of content keep one contract: the folder, and a bucket of a real HTTP server."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from pytest_django import Settings

from idp.common.errors import PermanentBackendError, TemporaryBackendError
from pipelines.backends import blobs
from pipelines.backends.blobs import Store
from pipelines.backends.files import Folder
from pipelines.backends.s3 import CHUNK, Bucket

pytestmark = pytest.mark.loopback
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}


@pytest.fixture
def bucket(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", KEYS["AWS_REGION"])
    client = boto3.client("s3", endpoint_url=moto_server)
    where = {"LocationConstraint": "eu-central-1"}
    client.create_bucket(Bucket="builds", CreateBucketConfiguration=where)  # type: ignore[arg-type]
    return moto_server


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    if request.param == "folder":
        return lambda: Folder(tmp_path / "blobs")
    endpoint: str = request.getfixturevalue("bucket")
    return lambda: Bucket("s3://builds/slipway", endpoint)


@pytest.mark.parametrize(
    "make", ["folder", pytest.param("s3", marks=pytest.mark.loopback)], indirect=True
)
class TestStores:
    def test_what_is_put_comes_back(self, make: Callable[[], Store]) -> None:
        for data in (b"", b"one", os.urandom(3 * CHUNK + 7)):
            file = io.BytesIO(data)
            file.seek(2)
            digest, size = make().put(file)
            assert (digest, size) == (hashlib.sha256(data).hexdigest(), len(data))
            assert not file.closed
            with make().open(digest) as found:
                assert found.read() == data

    def test_a_large_one_goes_in_parts(self, make: Callable[[], Store]) -> None:
        data = os.urandom(20 * CHUNK)
        digest, _ = make().put(io.BytesIO(data))
        with make().open(digest) as found:
            found.seek(-5, io.SEEK_END)
            assert found.read() == data[-5:]
            found.seek(17 * CHUNK - 3)
            assert found.read(6) == data[17 * CHUNK - 3 : 17 * CHUNK + 3]

    def test_one_file_of_an_archive_is_read_from_it(self, make: Callable[[], Store]) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("big.bin", os.urandom(CHUNK))
            archive.writestr("small.txt", "here")
        digest, _ = make().put(packed)
        with make().open(digest) as found, zipfile.ZipFile(found) as archive:
            assert archive.read("small.txt") == b"here"

    def test_what_is_not_there_says_so(self, make: Callable[[], Store]) -> None:
        with pytest.raises(PermanentBackendError, match="no longer there"):
            make().open("0" * 64)
        make().delete("0" * 64, older_than=0)

    def test_what_was_kept_a_moment_ago_stays(self, make: Callable[[], Store]) -> None:
        digest, _ = make().put(io.BytesIO(b"one"))
        assert not make().delete(digest, older_than=3600)
        make().open(digest).close()
        assert make().delete(digest, older_than=-1)
        assert make().delete(digest, older_than=3600)  # gone is gone
        with pytest.raises(PermanentBackendError):
            make().open(digest)

    def test_what_is_there_is_listed_in_bounded_parts(self, make: Callable[[], Store]) -> None:
        digests = sorted(make().put(io.BytesIO(b"%d" % number))[0] for number in range(7))
        listed = make().each("", 100)
        assert [one.digest for one in listed] == digests
        assert all(-5 < one.age < 60 for one in listed)
        assert [one.digest for one in make().each(digests[2], 3)] == digests[3:6]
        assert list(make().each("f" * 64, 3)) == []


class TestBucket:
    def test_a_bucket_that_is_not_there_is_worth_another_try(self, bucket: str) -> None:
        with pytest.raises(TemporaryBackendError, match="NoSuchBucket"):
            Bucket("nowhere", bucket).put(io.BytesIO(b"one"))

    @pytest.mark.usefixtures("bucket")
    def test_nobody_there_is_worth_another_try(self) -> None:
        with pytest.raises(TemporaryBackendError, match="reached"):
            Bucket("builds", "http://127.0.0.1:9").open("0" * 64)

    def test_the_settings_say_where(self, bucket: str, settings: Settings) -> None:
        settings.BLOBS_BUCKET, settings.BLOBS_ENDPOINT = "builds", bucket
        digest, _ = blobs.put(io.BytesIO(b"one"))
        listed = boto3.client("s3", endpoint_url=bucket).list_objects_v2(Bucket="builds")
        assert [one["Key"] for one in listed["Contents"]] == [f"{digest[:2]}/{digest}"]
        with blobs.open_blob(digest) as found:
            assert found.read() == b"one"
