"""Django's `createsuperuser` makes a flag that means nothing here: this one says what to call."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Not used: create_administrator makes the first person who holds everything."

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        raise CommandError(
            "A superuser holds nothing in Slipway. "
            "Call manage.py create_administrator --username NAME --email ADDRESS."
        )
