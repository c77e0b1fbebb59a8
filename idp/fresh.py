"""The tables of an empty database, made as they are now instead of migration by migration.

A first start would spend most of its time on the states between migrations, which nobody ever
sees. No migration of ours moves data, and `tests/root/test_fresh.py` holds both ways equal, on
SQLite and on PostgreSQL.
"""

from __future__ import annotations

from django.apps import apps
from django.core.management import call_command
from django.db import connection


def make_tables() -> bool:
    """Make all tables and note all migrations as done, if the database is empty; whether it was."""
    if connection.introspection.table_names():
        return False
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            if model._meta.managed and not model._meta.proxy:
                editor.create_model(model)
    call_command("migrate", verbosity=0, interactive=False, fake=True)
    return True


def bring_up_to_date() -> None:
    """The tables as they are now, whether or not there are some already."""
    if not make_tables():
        call_command("migrate", verbosity=0, interactive=False)
