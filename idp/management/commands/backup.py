"""`manage.py backup FILE`: database, repositories and keys in one file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from idp import backup
from idp.common.errors import SlipwayError


class Command(BaseCommand):
    help = "Write database, repositories and keys to one file, while Slipway runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = backup.write(options["file"])
        except SlipwayError as error:
            raise CommandError(f"{error.message} {error.fix}".strip()) from error
        count = len(manifest["repositories"])
        self.stdout.write(
            f"{options['file']}: {manifest['database']} database, {count} repositories and the "
            "keys. Whoever reads this file reads every secret: keep it like one."
        )
