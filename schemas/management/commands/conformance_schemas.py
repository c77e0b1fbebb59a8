"""`manage.py conformance_schemas DIR`: agreement with published vectors; exit code 1 on a miss.

Scenarios run against the wire API in this process, on a database that is made for the run and
dropped after it.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import connection
from django.test.utils import override_settings
from django.utils import timezone

from rbac.actors import Actor, system
from rbac.models import Role, User
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from rbac.services.teams import create_team
from rbac.services.tokens import create_token
from schemas.conformance import run
from schemas.wire import wsgi

_NAME = "conformance"
_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


class WireRegistry:
    """The wire API as its own WSGI application, asked with a token."""

    def __init__(self, token: str) -> None:
        pair = base64.b64encode(f"{_NAME}:{token}".encode()).decode()
        self._authorization = f"Basic {pair}"

    def fresh(self) -> None:
        """Empty the registry's tables; identifiers begin anew."""
        models = apps.get_app_config("schemas").get_models(include_auto_created=True)
        existing = connection.introspection.table_names()
        tables = sorted({model._meta.db_table for model in models}.intersection(existing))
        statements = connection.ops.sql_flush(
            no_style(), tables, reset_sequences=True, allow_cascade=True
        )
        connection.ops.execute_sql_flush(statements)

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        status: list[int] = []

        def start(line: str, _headers: object) -> None:
            status.append(int(line.split(maxsplit=1)[0]))

        answer = b"".join(wsgi.application(self._environ(method, path, headers, raw), start))
        return status[0], _json(answer)

    def _environ(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> dict[str, Any]:
        given = {name.lower(): value for name, value in headers.items()}
        sent = {
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in given.items()
            if name != "content-type"
        }
        return {
            "HTTP_AUTHORIZATION": self._authorization,
            **sent,
            "REQUEST_METHOD": method,
            "RAW_URI": f"{wsgi.PREFIX}{path}",
            "QUERY_STRING": path.partition("?")[2],
            "CONTENT_TYPE": given.get("content-type", _MEDIA_TYPE),
            "CONTENT_LENGTH": str(len(raw)),
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.input": io.BytesIO(raw),
        }


def _json(answer: bytes) -> Any:
    """The JSON of an answer; its text where it is none."""
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode(errors="replace")


def token_of_a_maintainer() -> str:
    """The token of a person who may do everything in one project, both made for the run."""
    actor = system(_NAME)
    project = create_project(actor, _NAME, "Conformance", create_team(actor, name=_NAME, title=""))
    user = User.objects.create_user(_NAME)
    role = Role.objects.get(name="maintainer")
    bind_role(actor, role=role, user=user, scope=project.scope)
    _, text = create_token(
        Actor(user=user),
        user=user,
        name=_NAME,
        permissions=[],
        scope=None,
        expires_at=timezone.now() + timedelta(days=1),
    )
    return text


@contextmanager
def scratch_database() -> Iterator[None]:
    """A migrated database beside the real one, which is not touched."""
    real = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(real, verbosity=0)


class Command(BaseCommand):
    help = "Compare verdicts and answers with a directory of published vectors."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, help="where the *.json files are")
        parser.add_argument(
            "--pairs-only", action="store_true", help="run no scenarios, use no database"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"]
        if not directory.is_dir():
            raise CommandError(f"{directory} is no directory.")
        if options["pairs_only"]:
            report = run(directory)
        else:
            # Nobody asks who called, and the writer would outlive the scratch database.
            with override_settings(SCHEMAS_TRAFFIC_SECONDS=0), scratch_database():
                report = run(directory, WireRegistry(token_of_a_maintainer()))
        for line in report.lines():
            self.stdout.write(line)
        if report.misses:
            raise CommandError(f"{len(report.misses)} cases disagree.")
