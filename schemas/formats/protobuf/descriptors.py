"""The protobuf runtime behind one door: descriptors as values, pools private to their caller.

Used by every module of this package; nothing else imports `google.protobuf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]  # the runtime has no stubs
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import (  # type: ignore[import-untyped]  # as above
    DecodeError,
)

from schemas.formats.base import InvalidSchema

File = Any  # FileDescriptorProto
Message = Any  # DescriptorProto
Field = Any  # FieldDescriptorProto
Enum = Any  # EnumDescriptorProto
Options = Any  # FileOptions, MessageOptions, …

F = descriptor_pb2.FieldDescriptorProto
FILE_TYPE = "google.protobuf.FileDescriptorProto"
DESCRIPTOR_FILE = "google/protobuf/descriptor.proto"


def decode(data: bytes) -> File:
    """A FileDescriptorProto; raises `InvalidSchema`."""
    file = descriptor_pb2.FileDescriptorProto()
    try:
        file.ParseFromString(data)
    except DecodeError as exc:
        raise InvalidSchema.at(
            "/", "descriptor", "The base64 text holds no FileDescriptorProto."
        ) from exc
    return file


def decode_set(data: bytes) -> tuple[File, ...]:
    """The files of a FileDescriptorSet, each after those that it imports."""
    files = descriptor_pb2.FileDescriptorSet()
    files.ParseFromString(data)
    return tuple(files.file)


def encode_set(files: Iterable[File]) -> bytes:
    return bytes(descriptor_pb2.FileDescriptorSet(file=files).SerializeToString())


def pool_of(files: Iterable[File]) -> Any:
    """A pool that knows these files and no other; raises `InvalidSchema`."""
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        try:
            pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError) as exc:
            raise InvalidSchema.at("/", "descriptor", str(exc)[:500]) from exc
    return pool


def with_custom_options(file: File, files: Sequence[File]) -> File:
    """The same file, its options read by a pool in which their extensions are known."""
    if not any(each.name == DESCRIPTOR_FILE for each in files):
        return file  # without an import of it nothing extends an option
    kind = pool_of(files).FindMessageTypeByName(FILE_TYPE)
    known = message_factory.GetMessageClass(kind)()
    known.ParseFromString(file.SerializeToString())
    return known


def record_class(files: Iterable[File], full_name: str) -> Any:
    """The message class of that name, in a pool of its own."""
    return message_factory.GetMessageClass(pool_of(files).FindMessageTypeByName(full_name))
