"""`manage.py audit_verify`: walk the chain of the audit trail; exit code 1 when it is broken."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rbac import audit
from rbac.models import AuditRecord


class Command(BaseCommand):
    help = "Verify that no audit record was changed, removed or put in between."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--head",
            default="",
            help="a hash that was noted elsewhere and must still stand in the chain",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        audit.seal()
        found = audit.verify()
        if not found.ok:
            raise CommandError(f"The audit trail is broken. {found.problem}")
        noted = options["head"]
        if noted and not AuditRecord.objects.filter(hash=noted).exists():
            raise CommandError(f"The audit trail was rewritten: no record has the hash {noted}.")
        self.stdout.write(
            f"{found.checked} records verified, {found.unsealed} not sealed yet;"
            f" the chain ends with {found.head}"
        )
