"""`manage.py create_administrator`: the first person who holds everything."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from idp.common.errors import SlipwayError
from rbac.services import create_administrator

PASSWORD_VARIABLE = "SLIPWAY_ADMINISTRATOR_PASSWORD"  # noqa: S105  # a variable's name


class Command(BaseCommand):
    help = f"Create an administrator; the password comes from ${PASSWORD_VARIABLE} or a prompt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--email", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get(PASSWORD_VARIABLE) or self._asked()
        try:
            user = create_administrator(
                username=options["username"], email=options["email"], password=password
            )
        except SlipwayError as error:
            raise CommandError(f"{error.message} {error.fix}".strip()) from error
        self.stdout.write(f"{user.username} is an administrator of everything.")

    def _asked(self) -> str:
        if not sys.stdin.isatty():
            raise CommandError(f"Set {PASSWORD_VARIABLE}, or run it in a terminal.")
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise CommandError("The two passwords differ.")
        return password
