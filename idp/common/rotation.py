"""Encrypting every stored secret anew with the newest key, so that a former one can go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.functions import Cast

from idp.common.crypto import EncryptedTextField, box, keyed_digest

BATCH = 200


@dataclass
class Rotation:
    """Numbers of values, and the rows that no configured key reads."""

    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def encrypted_fields() -> Iterator[tuple[type[models.Model], EncryptedTextField]]:
    for model in apps.get_models():
        for column in model._meta.local_concrete_fields:
            if isinstance(column, EncryptedTextField):
                yield model, column


def rotate() -> Rotation:
    """Encrypt what stands under a former key with the first of ENCRYPTION_KEYS.

    May run while Slipway runs, be interrupted and run again: a value that somebody changes
    meanwhile is left to them, since they write it with the newest key. Digests that a model's
    `digest_fields` names (digest → value) are computed anew.
    """
    done = Rotation()
    for model, column in encrypted_fields():
        _rotate_column(model, column, done)
    return done


def _rotate_column(model: type[models.Model], column: EncryptedTextField, done: Rotation) -> None:
    # Cast gives what the database holds; the field itself would decrypt it.
    held = Cast(models.F(column.name), models.TextField())
    rows = model._default_manager.annotate(_held=held).order_by("pk")
    newest = Fernet(settings.ENCRYPTION_KEYS[0])
    last = None
    while True:
        page = rows if last is None else rows.filter(pk__gt=last)
        batch = list(page.values_list("pk", "_held")[:BATCH])
        for pk, stored in batch:
            if not stored or _reads(newest, stored):
                done.current += bool(stored)
            else:
                _rotate_row(model, column, (pk, stored), done)
        if len(batch) < BATCH:
            return
        last = batch[-1][0]


def _rotate_row(
    model: type[models.Model],
    column: EncryptedTextField,
    row: tuple[object, str],
    done: Rotation,
) -> None:
    pk, stored = row
    try:
        plain = box().decrypt(stored.encode())
    except InvalidToken:
        done.unreadable.append(f"{model._meta.label} {pk}")
        return
    fresh = box().encrypt(plain).decode()
    changes: dict[str, object] = {column.name: models.Value(fresh, models.TextField())}
    for digest, source in getattr(model, "digest_fields", {}).items():
        if source == column.name:
            changes[digest] = keyed_digest(plain.decode())
    held = Cast(models.F(column.name), models.TextField())
    rows = model._default_manager.annotate(_held=held).filter(pk=pk, _held=stored)
    done.rotated += rows.update(**changes)


def _reads(key: Fernet, stored: str) -> bool:
    try:
        key.decrypt(stored.encode())
    except InvalidToken:
        return False
    return True
