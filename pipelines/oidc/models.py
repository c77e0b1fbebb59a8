"""The keys that sign what jobs prove to be.

Imported by `pipelines.models`, so that Django finds the table; `keys` writes it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from idp.common.crypto import EncryptedTextField


class SigningKey(models.Model):
    """A key pair: `public` is served, `private` never leaves this installation.

    The one that signs has no `retired_at`; others are served until what they signed has ended.
    """

    scope_lookup: ClassVar[str | None] = None

    kid = models.CharField(max_length=64, unique=True)  # RFC 7638 thumbprint
    private = EncryptedTextField()  # JWK
    public: Any = models.JSONField()  # JWK
    signs = models.BooleanField(null=True, default=True, unique=True)  # None: retired
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.kid
