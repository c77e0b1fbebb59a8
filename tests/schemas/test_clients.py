"""The real clients against the real servers: register, produce, evolve, be refused, delete."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from schema_registry.client import SchemaRegistryClient as OtherClient
from schema_registry.client import schema as other_schema

from deploy.processes import Installation
from deploy.supervisor import Supervisor
from tests.schemas import live
from tests.schemas.live import Registry
from tests.schemas.wire import avro

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
ONE = avro(("id", "int"))
TWO = avro(("id", "int"), ("note", "string", ""))
BROKEN = avro(("id", "int"), ("amount", "double"))


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)]
)
def registry(
    request: pytest.FixtureRequest, supervisor: Callable[[str], Supervisor]
) -> Iterator[Registry]:
    home = supervisor(f"registry-{request.param}")
    database = f"sqlite:///{home.directory}/registry.sqlite3"
    if request.param == "postgres":
        server = request.getfixturevalue("_postgres")
        with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
            connection.execute("CREATE DATABASE registry_clients")
        database = f"{server.rsplit('/', 1)[0]}/registry_clients"
    yield live.start(Installation(home, database, ""))
    home.stop()


@pytest.fixture(params=["gunicorn", "uvicorn"])
def client(registry: Registry, request: pytest.FixtureRequest) -> Iterator[SchemaRegistryClient]:
    conf = {
        "url": registry.servers[request.param],
        "basic.auth.user.info": f"kafka:{registry.token}",
    }
    with SchemaRegistryClient(conf) as made:
        yield made


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A subject that no other test has, with what paths make of names."""
    return f"tests/{request.node.name} ä"


def bare(client: SchemaRegistryClient) -> SchemaRegistryClient:
    """The same client without what it remembers."""
    client.clear_caches()
    return client


class TestConfluent:
    def test_a_whole_life(self, client: SchemaRegistryClient, name: str) -> None:
        schema_id = client.register_schema(name, Schema(ONE))
        assert bare(client).get_schema(schema_id).schema_type == "AVRO"
        assert client.lookup_schema(name, Schema(ONE)).version == 1
        assert client.test_compatibility(name, Schema(TWO))
        assert not client.test_compatibility(name, Schema(BROKEN), verbose=True)
        assert not client.test_compatibility_all_versions(name, Schema(BROKEN))
        with pytest.raises(SchemaRegistryError, match="amount") as refused:
            client.register_schema(name, Schema(BROKEN))
        assert (refused.value.http_status_code, refused.value.error_code) == (409, 40901)
        full = client.register_schema_full_response(name, Schema(TWO))
        assert full.version == 2
        assert client.get_schema_by_guid(full.guid).schema_str
        assert client.get_versions(name) == [1, 2]
        assert client.get_latest_version(name).version == 2
        assert client.get_version(name, 1).schema_id == schema_id
        assert name in client.get_subjects()
        assert name in client.get_subjects_by_schema_id(schema_id)
        assert client.get_schema_versions(schema_id)
        assert client.delete_version(name, 1) == 1
        assert client.get_versions(name, deleted_only=True) == [1]
        assert client.delete_subject(name) == [2]
        assert client.delete_subject(name, permanent=True) == [1, 2]
        with pytest.raises(SchemaRegistryError, match="not found"):
            client.get_versions(name)

    def test_settings(self, client: SchemaRegistryClient, name: str) -> None:
        with pytest.raises(SchemaRegistryError, match="does not have"):
            client.get_compatibility(name)
        assert client.set_compatibility(name, "NONE") == {"compatibility": "NONE"}
        assert client.get_compatibility(name) == "NONE"
        assert client.get_config(name).compatibility_level == "NONE"
        assert client.update_mode(name, "IMPORT", force=True) == "IMPORT"
        assert client.get_mode(name) == "IMPORT"
        assert client.delete_mode(name) == "IMPORT"
        client.delete_config(name)
        assert client.get_global_mode() == "READWRITE"
        assert "." in client.get_contexts()
        assert set(client.get_schema_types()) == {"AVRO", "JSON", "PROTOBUF"}

    def test_references(self, client: SchemaRegistryClient, name: str) -> None:
        user = f"{name} user"
        client.register_schema(user, Schema(avro(("name", "string"), name="User")))
        uses = avro(("id", "int"), ("user", "User"))
        reference = SchemaReference("User", user, 1)
        schema_id = client.register_schema(name, Schema(uses, "AVRO", [reference]))
        assert client.get_referenced_by(user, 1) == [schema_id]
        assert bare(client).get_schema(schema_id).references == [reference]
        with pytest.raises(SchemaRegistryError) as refused:
            client.delete_subject(user)
        assert refused.value.error_code == 42206


def context(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


class TestSerializers:
    def test_avro(self, client: SchemaRegistryClient, name: str) -> None:
        data = AvroSerializer(client, TWO)({"id": 7, "note": "x"}, context(name))
        assert AvroDeserializer(bare(client))(data, context(name)) == {"id": 7, "note": "x"}
        older = AvroDeserializer(bare(client), ONE)
        assert older(data, context(name)) == {"id": 7}

    def test_json(self, client: SchemaRegistryClient, name: str) -> None:
        text = json.dumps(
            {"title": "Order", "type": "object", "properties": {"id": {"type": "integer"}}}
        )
        data = JSONSerializer(text, client)({"id": 7}, context(name))
        read: Any = JSONDeserializer(None, schema_registry_client=bare(client))
        assert read(data, context(name)) == {"id": 7}

    def test_protobuf(self, client: SchemaRegistryClient, name: str) -> None:
        order, user = order_class(), "shop/user.proto"
        write = ProtobufSerializer(order, client, {"use.deprecated.format": False})
        message = order(id=7)
        message.user.name = "ada"
        data = write(message, context(name))
        read = ProtobufDeserializer(
            order, {"use.deprecated.format": False}, schema_registry_client=bare(client)
        )
        assert read(data, context(name)).user.name == "ada"
        latest = bare(client).get_latest_version(f"{name}-value").schema
        assert "message Order" in latest.schema_str
        assert latest.references == [SchemaReference(user, user, 1)]
        assert user in client.get_subjects()


def order_class() -> Any:
    """A message of a file that imports another: dependencies become subjects by import path."""
    user = descriptor_pb2.FileDescriptorProto(
        name="shop/user.proto", package="shop", syntax="proto3"
    )
    user.message_type.add(name="User").field.add(name="name", number=1, type=9, label=1)
    order = descriptor_pb2.FileDescriptorProto(
        name="shop/order.proto", package="shop", syntax="proto3", dependency=[user.name]
    )
    fields = order.message_type.add(name="Order").field
    fields.add(name="id", number=1, type=5, label=1)
    fields.add(name="user", number=2, type=11, type_name=".shop.User", label=1)
    pool = descriptor_pool.DescriptorPool()
    for file in (user, order):
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Order"))


class TestOther:
    """It does not encode subjects, and speaks a media type of its own."""

    @pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
    def test_a_whole_life(self, registry: Registry, server: str) -> None:
        client = OtherClient(
            url=registry.servers[server], auth=httpx.BasicAuth("kafka", registry.token)
        )
        subject = f"other/{server}"
        one, two, broken = (other_schema.AvroSchema(text) for text in (ONE, TWO, BROKEN))
        schema_id = client.register(subject, one)
        assert client.get_by_id(schema_id) == one
        assert client.check_version(subject, one).version == 1
        assert client.test_compatibility(subject, two)
        assert not client.test_compatibility(subject, broken)
        with pytest.raises(Exception, match="Incompatible"):
            client.register(subject, broken)
        client.register(subject, two)
        assert client.get_versions(subject) == [1, 2]
        assert client.get_schema(subject).version == 2
        assert client.update_compatibility("NONE", subject)
        assert client.get_compatibility(subject) == "NONE"
        assert subject in client.get_subjects()
        assert client.delete_version(subject, 1) == 1
        assert client.delete_subject(subject) == [2]
