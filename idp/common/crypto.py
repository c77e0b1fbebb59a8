"""Values encrypted at rest (MultiFernet) and keyed digests, by the keys in `ENCRYPTION_KEYS`."""

from __future__ import annotations

import hashlib
import hmac
import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from idp.common.errors import SlipwayError


class WrongKey(SlipwayError):
    title = "A stored secret cannot be read"


@cache
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def box() -> MultiFernet:
    return _box(tuple(settings.ENCRYPTION_KEYS))


def encrypt(text: str) -> str:
    return box().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """The plain text; raises `WrongKey` where no configured key fits."""
    try:
        return box().decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise WrongKey(
            "The value was encrypted with a key that is not configured.",
            fix="Add the former key to SLIPWAY_ENCRYPTION_KEYS, or restore it with the backup.",
        ) from error


def keyed_digest(text: str) -> str:
    """HMAC-SHA-256, hexadecimal: equal texts are seen to be equal, none can be guessed.

    By the newest key; `rotate_keys` computes stored digests anew.
    """
    key = hashlib.sha256(settings.ENCRYPTION_KEYS[0].encode() + b"digest").digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class EncryptedTextField(models.TextField):
    """Text that the database holds encrypted; never in a filter, never in a log."""

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return decrypt(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return encrypt(value) if value else value


class EncryptedJSONField(EncryptedTextField):
    """A JSON value that the database holds encrypted."""

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        return json.loads(decrypt(value)) if value else {}

    def to_python(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value else value

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(json.dumps(value))  # TextField's would turn the text into JSON again

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj))
