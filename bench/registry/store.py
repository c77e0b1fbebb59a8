"""What the web process does over its rows, in this process: a transitive check, and a list."""

from __future__ import annotations

from collections.abc import Iterator

from django.test import Client

from bench.figures import Figure, seconds, side_by_side
from bench.registry import rows
from rbac.actors import Actor
from rbac.models import User
from schemas import naming, services, verdicts
from schemas.models import Subject
from schemas.parsing import Candidate

LISTS = (
    ("page", "/schemas/", b"topic-00000-value"),
    ("page, searched", "/schemas/?q=99-value", b"topic-00099-value"),
    ("REST", "/api/v1/subjects/", b'"results":[{'),
)


def figures(person: User) -> Iterator[Figure]:
    yield _transitive(Actor(user=person))
    client = Client()
    client.force_login(person)
    for what, path, shown in LISTS:
        yield _listed(client, what, path, shown)


def _transitive(actor: Actor) -> Figure:
    """A candidate that was judged before, by another process: the verdicts stand in the table."""
    name, candidate = naming.parse(rows.CHAIN), Candidate(rows.chain(rows.VERSIONS))

    def check() -> None:
        verdicts.forget_memory()
        report = services.check_candidate(actor, name, candidate)
        if not report.compatible:
            raise SystemExit("A field with a default is compatible.")

    def warm() -> None:
        services.check_candidate(actor, name, candidate)

    cold, known = side_by_side(check, warm, 20)
    beside = f"with them in memory too: {known * 1000:.1f} ms"
    what = f"Transitive check over {rows.VERSIONS} versions, both ways"
    return Figure(what, cold * 1000, "ms", 30, most=True, beside=beside)


def _listed(client: Client, what: str, path: str, shown: bytes) -> Figure:
    def read() -> None:
        answer = client.get(path)
        if answer.status_code != 200 or shown not in answer.content:
            raise SystemExit(f"{path} answered {answer.status_code} without {shown!r}")

    taken = seconds(read, 20)
    count = Subject.objects.count()
    return Figure(f"List of {count:,} subjects, {what}", taken * 1000, "ms", 25, most=True)
