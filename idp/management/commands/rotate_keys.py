"""`manage.py rotate_keys`: encrypt stored secrets with the newest key."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from idp.common.rotation import rotate


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret with the first key of SLIPWAY_ENCRYPTION_KEYS. Before: put a"
        " fresh key in front and restart every process. After: remove the former key and restart."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = rotate()
        self.stdout.write(
            f"{done.rotated} values encrypted anew, {done.current} had the newest key already."
        )
        if done.unreadable:
            raise CommandError(
                f"No configured key reads {', '.join(done.unreadable[:20])}"
                f" ({len(done.unreadable)} in all). Keep the former keys, and restore the missing"
                " one from the backup."
            )
        if len(settings.ENCRYPTION_KEYS) > 1:
            self.stdout.write("The former keys can be removed from SLIPWAY_ENCRYPTION_KEYS.")
