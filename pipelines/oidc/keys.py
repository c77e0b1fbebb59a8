"""The signing key of today, made when it is first needed and changed in time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from joserfc.jwk import RSAKey

from pipelines.oidc.models import SigningKey

BITS = 2048
LASTS = timedelta(days=90)  # of the one that signs
SERVED = timedelta(days=2)  # after that: longer than any token that it signed
MAX_KEYS = 20


def signing() -> SigningKey:
    """The key that signs now; the first is made, and one past its time is changed for the next."""
    row = SigningKey.objects.filter(signs=True).first()
    if row is not None and timezone.now() - row.created_at < LASTS:
        return row
    fresh = RSAKey.generate_key(BITS, private=True, auto_kid=True)
    try:
        with transaction.atomic():
            SigningKey.objects.filter(signs=True, pk=row.pk if row else 0).update(
                signs=None, retired_at=timezone.now()
            )
            return SigningKey.objects.create(
                kid=str(fresh.kid),
                private=json.dumps(fresh.as_dict(private=True)),
                public={**fresh.as_dict(private=False), "use": "sig", "alg": "RS256"},
            )
    except IntegrityError:  # another process was first
        return SigningKey.objects.get(signs=True)


def served() -> list[dict[str, Any]]:
    """The public keys by which tokens that still live can be proved, the newest first."""
    signing()
    after = timezone.now() - SERVED
    rows = SigningKey.objects.filter(Q(signs=True) | Q(retired_at__gt=after)).order_by("-pk")
    return list(rows.values_list("public", flat=True)[:MAX_KEYS])
