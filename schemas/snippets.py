"""Python code with which a producer and a consumer of a subject begin.

Shown by pages and REST; the client is `confluent-kafka`, the serializers those of its
`schema_registry` package.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from schemas import naming
from schemas.checking import parse_stored
from schemas.formats import avro
from schemas.formats.base import FormatName
from schemas.models import SubjectVersion

MAX_EXAMPLE = 20_000  # characters of a record inside the code
_CLIENT = "from confluent_kafka.schema_registry import SchemaRegistryClient"
_NAMED = '{"subject.name.strategy": lambda *_: SUBJECT}'
_SUFFIXES = ("-value", "-key")
_CLASSES = {
    FormatName.AVRO: ("avro", "Avro"),
    FormatName.JSON: ("json_schema", "JSON"),
    FormatName.PROTOBUF: ("protobuf", "Protobuf"),
}


@dataclass(frozen=True)
class Snippets:
    producer: str
    consumer: str


def client_lines(address: str, project: str = "PROJECT") -> str:
    """The three settings that point a Kafka client at the registry."""
    return (
        f"schema.registry.url={address}\n"
        "basic.auth.credentials.source=USER_INFO\n"
        f"basic.auth.user.info={project}:TOKEN"
    )


def snippets(row: SubjectVersion, address: str, record: Any) -> Snippets | None:
    """Code for one version; None for formats that do not travel through Kafka."""
    name = FormatName(row.schema.format)
    if name not in _CLASSES:
        return None
    head = _head(row, address)
    subject = naming.qualified(row.subject.context.name, row.subject.name)
    topic = next((subject.removesuffix(s) for s in _SUFFIXES if subject.endswith(s)), subject)
    topic = topic.rpartition(":")[2] or topic
    if name == FormatName.PROTOBUF:
        message = parse_stored(row.schema).name.rpartition(".")[2] or "Record"
        producer = _protobuf_producer(row, head, topic, message)
        return Snippets(producer, _protobuf_consumer(head, topic, message))
    if name == FormatName.AVRO and record != {}:
        record = avro.native(parse_stored(row.schema), record)
    producer = _producer(name, head, topic, _schema_lines(row), record)
    return Snippets(producer, _consumer(name, head, topic))


def _schema_lines(row: SubjectVersion) -> str:
    """How the code gets the version's schema; of a primitive the client reads no bare name."""
    text = row.schema.text.strip()
    if row.schema.format == FormatName.AVRO and text.startswith('"'):
        typed = _quoted(json.dumps({"type": json.loads(text)}))
        return f'schema = Schema({typed}, "AVRO")  # version {row.number}'
    return f"schema = registry.get_version(SUBJECT, {row.number}).schema"


def _head(row: SubjectVersion, address: str) -> str:
    subject = naming.qualified(row.subject.context.name, row.subject.name)
    return f"""
SUBJECT = {_quoted(subject)}
registry = SchemaRegistryClient({{
    "url": {_quoted(address)},
    "basic.auth.user.info": {_quoted(row.subject.project.name + ":TOKEN")},
}})
"""


def _producer(name: FormatName, head: str, topic: str, schema: str, record: Any) -> str:
    module, title = _CLASSES[name]
    client = _CLIENT.replace("import ", "import Schema, ") if "= Schema(" in schema else _CLIENT
    return f"""\
from confluent_kafka import Producer
{client}
from confluent_kafka.schema_registry.{module} import {title}Serializer
from confluent_kafka.serialization import MessageField, SerializationContext
{head}
{schema}
serialize = {_call(f"{title}Serializer", name, "registry", "schema")}
record = {_literal(record)}
context = SerializationContext({_quoted(topic)}, MessageField.VALUE)
producer = Producer({{"bootstrap.servers": "localhost:9092"}})
producer.produce({_quoted(topic)}, value=serialize(record, context))
producer.flush()
"""


def _call(function: str, name: FormatName, registry: str, schema: str) -> str:
    """The constructor's call: the order of its first two arguments depends on the format."""
    first, second = (registry, schema) if name == FormatName.AVRO else (schema, registry)
    options = (
        '{\n    "auto.register.schemas": False,\n    "use.latest.version": False,\n'
        '    "subject.name.strategy": lambda *_: SUBJECT,\n}'
    )
    return f"{function}({first}, {second}, conf={options})"


def _consumer(name: FormatName, head: str, topic: str) -> str:
    module, title = _CLASSES[name]
    start = "registry" if name == FormatName.AVRO else "None, schema_registry_client=registry"
    return f"""\
from confluent_kafka import Consumer
{_CLIENT}
from confluent_kafka.schema_registry.{module} import {title}Deserializer
from confluent_kafka.serialization import MessageField, SerializationContext
{head}
deserialize = {title}Deserializer({start}, conf={_NAMED})
{_loop(topic)}"""


def _loop(topic: str) -> str:
    return f"""\
context = SerializationContext({_quoted(topic)}, MessageField.VALUE)
consumer = Consumer({{
    "bootstrap.servers": "localhost:9092",
    "group.id": "my-service",
    "auto.offset.reset": "earliest",
}})
consumer.subscribe([{_quoted(topic)}])
while True:
    message = consumer.poll(1.0)
    if message is not None and message.error() is None:
        print(deserialize(message.value(), context))
"""


def _protobuf_producer(row: SubjectVersion, head: str, topic: str, message: str) -> str:
    return f"""\
from confluent_kafka import Producer
{_CLIENT}
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import record_pb2  # made by protoc from version {row.number}
{head}
serialize = ProtobufSerializer(record_pb2.{message}, registry, {{
    "auto.register.schemas": False,
    "subject.name.strategy": lambda *_: SUBJECT,
}})
context = SerializationContext({_quoted(topic)}, MessageField.VALUE)
producer = Producer({{"bootstrap.servers": "localhost:9092"}})
producer.produce({_quoted(topic)}, value=serialize(record_pb2.{message}(), context))
producer.flush()
"""


def _protobuf_consumer(head: str, topic: str, message: str) -> str:
    return f"""\
from confluent_kafka import Consumer
{_CLIENT}
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

import record_pb2  # made by protoc from the schema
{head}
deserialize = ProtobufDeserializer(record_pb2.{message}, {_NAMED}, registry)
{_loop(topic)}"""


def _literal(record: Any) -> str:
    """The record as Python writes it, one member a line."""
    text = _python(record, "")
    return text if len(text) <= MAX_EXAMPLE else "{}  # the example is too long to show"


def _python(value: Any, indent: str) -> str:
    inner = f"{indent}    "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{_quoted(key)}: {_python(item, inner)},\n" for key, item in value.items()]
        return "{\n" + "".join(lines) + indent + "}"
    if isinstance(value, list) and value:
        return "[\n" + "".join(f"{inner}{_python(item, inner)},\n" for item in value) + indent + "]"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    """A Python text in double quotes; JSON's escapes are Python's when nothing else is escaped."""
    return json.dumps(text, ensure_ascii=False)
