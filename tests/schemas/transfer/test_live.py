"""A running Slipway is the other registry: real servers, contexts and deletions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.schema_registry import Schema as Text
from confluent_kafka.schema_registry import SchemaReference, SchemaRegistryClient

from deploy.processes import Installation
from deploy.supervisor import Supervisor
from rbac.actors import Actor
from schemas import naming
from schemas import selectors as registry
from schemas.models import Schema, SubjectVersion
from schemas.transfer import services
from schemas.transfer.models import ImportRun
from schemas.transfer.selectors import summary
from tests.rbac.factories import Characters
from tests.schemas import live
from tests.schemas.factories import V1, V2, record
from tests.schemas.live import Registry
from tests.schemas.transfer.conftest import carried

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
LINE = '{"type":"record","name":"Line","fields":[{"name":"order","type":"Order"}]}'


@pytest.fixture(scope="module")
def source(supervisor: Callable[[str], Supervisor]) -> Iterator[Registry]:
    home = supervisor("import-source")
    found = live.start(Installation(home, f"sqlite:///{home.directory}/source.sqlite3", ""))
    fill(found)
    yield found
    home.stop()


def fill(source: Registry) -> None:
    """Subjects with references, a context, a soft deletion and settings, by the real client."""
    conf = {
        "url": source.servers["gunicorn"],
        "basic.auth.user.info": f"kafka:{source.token}",
    }
    with SchemaRegistryClient(conf) as client:
        client.register_schema("gone", Text(record(("x", "int"), name="Gone")))
        client.register_schema("orders/value ä", Text(V1))
        client.register_schema("orders/value ä", Text(V2))
        used = [SchemaReference("Order", "orders/value ä", 2)]
        client.register_schema("a-lines", Text(LINE, "AVRO", used))
        client.register_schema(":.legacy:orders", Text(V2))
        client.delete_subject("gone")
        client.set_compatibility("a-lines", "FULL_TRANSITIVE")


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_running_registry_is_taken_over_whole(
    people: Characters, mia: Actor, source: Registry, server: str
) -> None:
    run = services.import_registry(
        mia,
        people.project,
        registry=source.servers[server],
        user_name="kafka",
        secret=source.token,
        deleted=True,
    )
    run = carried(run)
    assert (run.state, run.reason) == ("ready", "")
    assert summary(run).sentence == "4 subjects, 5 versions."
    run = carried(services.confirm(mia, run))
    assert summary(run).outcomes == {"taken": 5}
    conf = {"url": source.servers[server], "basic.auth.user.info": f"kafka:{source.token}"}
    with SchemaRegistryClient(conf) as client:
        for row in SubjectVersion.objects.filter(deleted_at=None).select_related("schema"):
            there = client.get_version(str(row.subject), row.number)
            assert (there.schema_id, there.guid) == (row.schema.number, str(row.schema.guid))
    assert Schema.objects.get(text=LINE).references[0]["subject"] == "orders/value ä"
    gone = registry.find_subject(naming.parse("gone"))
    assert gone is not None
    assert (gone.latest, gone.last_version) == (0, 1)
    lines = registry.find_subject(naming.parse("a-lines"))
    assert lines is not None
    assert (lines.level, lines.mode) == ("FULL_TRANSITIVE", "")


def test_a_wrong_token_is_told(people: Characters, mia: Actor, source: Registry) -> None:
    run: ImportRun = services.import_registry(
        mia, people.project, registry=source.servers["gunicorn"], secret="slp_wrong"
    )
    run = carried(run)
    assert run.state == "failed"
    assert "HTTP 401" in run.reason
