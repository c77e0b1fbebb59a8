"""`manage.py restore FILE`: a backup into an empty database and repositories folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from idp import backup
from idp.common.errors import SlipwayError


class Command(BaseCommand):
    help = "Restore a backup; stop every process of Slipway first."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--keys",
            action="store_true",
            help="only write the backup's keys into the state folder; then restore",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["keys"]:
                files = backup.write_keys(options["file"])
                self.stdout.write("Wrote " + " and ".join(str(file) for file in files))
                return
            manifest = backup.restore(options["file"])
        except SlipwayError as error:
            raise CommandError(f"{error.message} {error.fix}".strip()) from error
        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(
            f"Restored the backup of {manifest['made_at']}: {manifest['database']} database, "
            f"{len(manifest['repositories'])} repositories."
        )
