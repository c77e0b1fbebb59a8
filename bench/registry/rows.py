"""The rows of the bench: a publisher's token, 10,000 subjects, and one with fifty versions."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from bench.registry.engines import record
from rbac.actors import Actor, system
from rbac.models import Project, Role, User
from rbac.scopes import tier_scope
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from rbac.services.teams import create_team
from rbac.services.tokens import create_token
from schemas import naming, selectors, services
from schemas.formats.levels import Level
from schemas.models import Schema, Subject, SubjectVersion
from schemas.parsing import Candidate

SUBJECTS = 10_000
VERSIONS = 50
CHAIN = "chain-value"
ACTOR = system("bench")


def make() -> tuple[User, str]:
    """A maintainer of one project, and the text of their token."""
    team = create_team(ACTOR, name="orders")
    project = create_project(ACTOR, "orders", "Orders", team)
    user = User.objects.create_user("dana", "dana@example.test")
    role = Role.objects.get(name="maintainer")
    bind_role(ACTOR, role=role, user=user, scope=project.scope)
    ends = timezone.now() + timedelta(days=1)
    actor = Actor(user=user)
    _, token = create_token(
        actor, user=user, name="kafka", permissions=[], scope=None, expires_at=ends
    )
    _subjects(project)
    _chain(actor)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum does within a minute
    return user, token


def _subjects(project: Project) -> None:
    context = selectors.make_context(".")
    keeper = tier_scope(project, "development")
    subjects = Subject.objects.bulk_create(
        Subject(
            context=context,
            name=f"topic-{number:05}-value",
            project=project,
            keeper=keeper,
            owner=project.team,
            format="AVRO",
            last_version=1,
            latest=1,
        )
        for number in range(SUBJECTS)
    )
    text = record(5, extra=False)
    schemas = Schema.objects.bulk_create(
        Schema(
            context=context,
            number=number + 1,
            guid=uuid.uuid4(),
            format="AVRO",
            text=text,
            content=f"{number:064}",
            digest=f"{number:064}",
        )
        for number in range(SUBJECTS)
    )
    SubjectVersion.objects.bulk_create(
        SubjectVersion(subject=subject, number=1, schema=schema, created_label="dana")
        for subject, schema in zip(subjects, schemas, strict=True)
    )
    context.next_id = SUBJECTS + 1
    context.save(update_fields=["next_id"])


def _chain(actor: Actor) -> None:
    name = naming.parse(CHAIN)
    services.set_settings(actor, name, {"level": Level.FULL_TRANSITIVE}, project="orders")
    for version in range(VERSIONS):
        services.register(actor, name, Candidate(chain(version)), project="orders")


def chain(version: int) -> str:
    """An Avro record of twenty fields and `version` optional ones."""
    optional = "".join(
        f', {{"name": "extra_{n}", "type": "string", "default": ""}}' for n in range(version)
    )
    return record(20, extra=False).removesuffix("]}") + optional + "]}"
