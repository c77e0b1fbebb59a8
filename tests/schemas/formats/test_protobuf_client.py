"""What the Python client of the registry sends is understood, and it reads what is served."""

from __future__ import annotations

import base64
import re

import google.type.date_pb2
import pytest
from confluent_kafka.schema_registry.confluent import meta_pb2
from confluent_kafka.schema_registry.confluent.type import decimal_pb2, variant_pb2
from confluent_kafka.schema_registry.confluent.types import decimal_pb2 as older_decimal_pb2
from confluent_kafka.schema_registry.protobuf import _init_pool, _schema_to_str, _str_to_proto
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from schemas.formats.base import Dependency, InvalidSchema
from schemas.formats.protobuf import PROTOBUF, serialized
from schemas.formats.protobuf.builtin import CONFLUENT


@pytest.mark.parametrize(
    "module", [meta_pb2, decimal_pb2, variant_pb2, older_decimal_pb2, google.type.date_pb2]
)
def test_what_the_client_sends_is_understood(module: object) -> None:
    sent = _schema_to_str(module.DESCRIPTOR)  # type: ignore[attr-defined]  # generated modules
    parsed = PROTOBUF.parse(sent)
    back = _str_to_proto("default", serialized(parsed))
    assert [message.name for message in back.message_type] == [
        *module.DESCRIPTOR.message_types_by_name  # type: ignore[attr-defined]  # as above
    ]


@pytest.mark.parametrize("module", [meta_pb2, decimal_pb2, variant_pb2, older_decimal_pb2])
def test_the_built_in_files_are_the_clients_own(module: object) -> None:
    name = module.DESCRIPTOR.name  # type: ignore[attr-defined]  # generated modules
    theirs = PROTOBUF.parse(_schema_to_str(module.DESCRIPTOR))  # type: ignore[attr-defined]  # as above
    without = re.sub(r"option go_package = .*\n\n?", "", theirs.canonical)
    assert PROTOBUF.parse(without).canonical == PROTOBUF.parse(CONFLUENT[name]).canonical


def _client_files() -> list[descriptor_pb2.FileDescriptorProto]:
    """Three files as generated code holds them: c imports b imports a."""
    held = []
    for name, needs in (("a/a.proto", []), ("b.proto", ["a/a.proto"]), ("c.proto", ["b.proto"])):
        stem = name[-7].upper()
        file = descriptor_pb2.FileDescriptorProto(name=name, package="p", syntax="proto3")
        file.dependency.extend(needs)
        field = file.message_type.add(name=stem).field.add(name="x", number=1, label=1)
        if needs:
            field.type, field.type_name = 11, f".p.{needs[0][-7].upper()}"
        else:
            field.type = 5
        held.append(file)
    return held


def test_dependencies_by_import_path_as_the_client_sends_them() -> None:
    pool = descriptor_pool.DescriptorPool()
    for file in _client_files():
        pool.Add(file)
    sent = {
        name: _schema_to_str(pool.FindFileByName(name))
        for name in ("a/a.proto", "b.proto", "c.proto")
    }
    given_ = [Dependency(name, sent[name]) for name in ("a/a.proto", "b.proto")]
    parsed = PROTOBUF.parse(sent["c.proto"], given_)
    assert parsed.name == "p.C"
    assert "  B x = 1;" in parsed.canonical
    texts_ = [
        Dependency("a/a.proto", PROTOBUF.parse(sent["a/a.proto"]).canonical),
        Dependency("b.proto", sent["b.proto"]),
    ]
    assert PROTOBUF.parse(parsed.canonical, texts_).canonical == parsed.canonical
    with pytest.raises(InvalidSchema, match=r"b\.proto: Nothing of this name is given"):
        PROTOBUF.parse(sent["c.proto"])


def test_well_known_types_given_as_references_are_the_compilers_own() -> None:
    text = (
        'syntax = "proto3"; import "google/protobuf/timestamp.proto";'
        " message A { google.protobuf.Timestamp t = 1; }"
    )
    shadow = Dependency("google/protobuf/timestamp.proto", "message Other {}")
    assert PROTOBUF.parse(text, [shadow]).canonical == PROTOBUF.parse(text).canonical


def test_custom_options_from_a_reference_are_kept() -> None:
    options = (
        'syntax = "proto2"; package o; import "google/protobuf/descriptor.proto";'
        "extend google.protobuf.FieldOptions { optional string tag = 50001; }"
    )
    text = (
        'syntax = "proto3"; import "o.proto"; message A { string x = 1 [(o.tag) = "PII \\"é\\""]; }'
    )
    given_ = [Dependency("o.proto", serialized(PROTOBUF.parse(options)))]
    parsed = PROTOBUF.parse(text, given_)
    assert '(o.tag) = "PII \\"é\\""' in parsed.canonical
    assert PROTOBUF.parse(serialized(parsed), given_).canonical == parsed.canonical


def test_google_type_is_missing_where_its_package_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.formats.protobuf.builtin.find_spec", lambda _: None)
    text = 'import "google/type/date.proto"; message Gone { optional google.type.Date d = 1; }'
    with pytest.raises(InvalidSchema, match=r"google/type/date\.proto"):
        PROTOBUF.parse(text)


def test_the_client_reads_back_what_is_served() -> None:
    served = [
        (file.name, serialized(PROTOBUF.parse(_b64(file), [*_sent_before(file.name)])))
        for file in _client_files()
    ]
    pool = descriptor_pool.DescriptorPool()
    _init_pool(pool)
    for name, text in served:
        pool.Add(_str_to_proto(name, text))
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName("p.C"))()
    message.x.x.x = 5
    assert message.SerializeToString() == b"\x0a\x04\x0a\x02\x08\x05"


def _sent_before(name: str) -> list[Dependency]:
    files = {file.name: Dependency(file.name, _b64(file)) for file in _client_files()}
    return [held for path, held in files.items() if path < name]


def test_the_client_finds_its_tags_in_what_is_served() -> None:
    parsed = PROTOBUF.parse(
        'syntax = "proto3"; import "confluent/meta.proto";'
        ' message A { string x = 1 [(confluent.field_meta).tags = "PII"]; }'
    )
    field = _str_to_proto("default", serialized(parsed)).message_type[0].field[0]
    assert field.options.Extensions[meta_pb2.field_meta].tags == ["PII"]


def _b64(file: descriptor_pb2.FileDescriptorProto) -> str:
    return base64.b64encode(file.SerializeToString()).decode()
