"""Content by its digest in a bucket of S3, or of what speaks its protocol."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, cast

import boto3
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from idp.common.errors import PermanentBackendError, TemporaryBackendError
from pipelines.backends.files import DIGEST, Stored

CHUNK = 1024 * 1024
_CONNECT, _READ = 5.0, 30.0  # seconds
_PAGE = 1_000  # what one call lists
_GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_CONFIG = Config(
    connect_timeout=_CONNECT,
    read_timeout=_READ,
    retries={"total_max_attempts": 3, "mode": "standard"},
    s3={"addressing_style": "path"},
    user_agent_extra="slipway",
)
_TRANSFER = TransferConfig(multipart_chunksize=16 * CHUNK, use_threads=False)


class Bucket:
    """A store (`pipelines.backends.blobs.Store`); keys and region are the process's own.

    `name` is a bucket, or a bucket and a prefix: `builds/slipway`.
    """

    def __init__(self, name: str, endpoint: str = "") -> None:
        self._bucket, _, prefix = name.removeprefix("s3://").strip("/").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        make: Any = boto3.session.Session().client
        self._client = make("s3", endpoint_url=endpoint or None, config=_CONFIG)

    def put(self, file: IO[bytes]) -> tuple[str, int]:
        found, size = hashlib.sha256(), 0
        file.seek(0)
        while chunk := file.read(CHUNK):
            found.update(chunk)
            size += len(chunk)
        file.seek(0)
        digest = found.hexdigest()
        with _words():
            # Through a wrapper: the transfer closes what it is given.
            self._client.upload_fileobj(
                _Unclosed(file), self._bucket, self._key(digest), Config=_TRANSFER
            )
        return digest, size

    def open(self, digest: str) -> IO[bytes]:
        with _words():
            head = self._client.head_object(Bucket=self._bucket, Key=self._key(digest))
        raw = _Object(self._client, self._bucket, self._key(digest), int(head["ContentLength"]))
        return cast("IO[bytes]", io.BufferedReader(raw, CHUNK))

    def delete(self, digest: str, *, older_than: float) -> bool:
        where = {"Bucket": self._bucket, "Key": self._key(digest)}
        try:
            with _words():
                kept = self._client.head_object(**where)["LastModified"]
        except PermanentBackendError:
            return True
        if (datetime.now(UTC) - kept).total_seconds() <= older_than:
            return False
        with _words():
            self._client.delete_object(**where)
        return True

    def each(self, after: str, most: int) -> Sequence[Stored]:
        now, found = datetime.now(UTC), list[Stored]()
        behind = self._key(after) if after else f"{self._prefix}0"
        while len(found) < most:
            with _words():
                answer = self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=self._prefix, StartAfter=behind,
                    MaxKeys=min(most - len(found), _PAGE),
                )  # fmt: skip
            for one in answer.get("Contents", ()):
                behind = one["Key"]
                digest = behind.rpartition("/")[2]
                if DIGEST.fullmatch(digest) and behind == self._key(digest):
                    found.append(Stored(digest, (now - one["LastModified"]).total_seconds()))
            if not answer.get("IsTruncated"):
                break
        return found

    def _key(self, digest: str) -> str:
        return f"{self._prefix}{digest[:2]}/{digest}"


class _Unclosed(io.RawIOBase):
    """A file that stays open when its wrapper is closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


class _Object(io.RawIOBase):
    """An object that is read by ranges: a look into a large archive costs what it looks at."""

    def __init__(self, client: Any, bucket: str, key: str, size: int) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._size, self._at = size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("a place before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        last = min(self._at + len(view), self._size) - 1
        if last < self._at:
            return 0
        wanted = f"bytes={self._at}-{last}"
        with _words():
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key, Range=wanted)
            data: bytes = answer["Body"].read()
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def _words() -> Iterator[None]:
    """What the service or the way to it says, in our own words."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _GONE:
            raise PermanentBackendError("The content is no longer there.") from error
        message = f"The bucket of artifacts answers {code or 'an error'}."
        fix = "Ask who runs Slipway: SLIPWAY_BLOBS_BUCKET and its rights."
        raise TemporaryBackendError(message, fix=fix) from error
    except (BotoCoreError, S3UploadFailedError) as error:
        raise TemporaryBackendError("The bucket of artifacts cannot be reached.") from error
