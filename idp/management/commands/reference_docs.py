"""`manage.py reference_docs`: write docs/reference anew; with --check only compare."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from idp.reference import PAGES


class Command(BaseCommand):
    help = "Write the reference pages of docs/ from the code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail where a page is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = settings.BASE_DIR / "docs" / "reference"
        folder.mkdir(parents=True, exist_ok=True)
        stale = []
        for name, make in PAGES.items():
            file, text = folder / name, make()
            if not file.exists() or file.read_text() != text:
                stale.append(name)
                if not options["check"]:
                    file.write_text(text)
        if stale and options["check"]:
            raise CommandError(f"Stale: {', '.join(stale)}. Run `make docs` and commit.")
        self.stdout.write(f"{len(PAGES)} pages, {len(stale)} written")
