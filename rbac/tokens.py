"""API tokens at work: their text, their digest, and who stands behind one.

Called by REST authentication and by the git endpoint. A token's text is shown once; the database
holds the SHA-256 of its secret, which has 256 random bits and so needs no slow hash.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string
from datetime import timedelta

from django.utils import timezone

from rbac import epoch, grants
from rbac.actors import Actor
from rbac.models import ApiToken
from rbac.requests import request_id

_TEXT = re.compile(r"slp_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ALPHABET = string.ascii_lowercase + string.digits
USED_EVERY = timedelta(minutes=1)  # `last_used_at` costs a write at most this often
_NO_DIGEST = "0" * 64


def new_text() -> tuple[str, str, str]:
    """A new token's (text, prefix, digest)."""
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    secret = secrets.token_urlsafe(32)
    return f"slp_{prefix}_{secret}", prefix, digest_of(secret)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def prefix_of(text: str) -> str:
    """The public part of a token's text; empty where the text is none."""
    found = _TEXT.fullmatch(text.strip())
    return found[1] if found else ""


def authenticate(text: str, address: str | None) -> Actor | None:
    """The actor behind a token's text; None when it is unknown, ended, revoked or its owner gone.

    One query; notes the use at most once a minute.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    token = (
        ApiToken.objects.select_related("user", "scope__project_scope")
        .annotate(epoch_number=epoch.subquery())
        .filter(prefix=found[1])
        .first()
    )
    known = token.digest if token else _NO_DIGEST
    if not hmac.compare_digest(known, digest_of(found[2])) or token is None:
        return None
    now = timezone.now()
    if token.revoked_at or token.expires_at <= now or not token.user.is_active:
        return None
    grants.stamp(token.user, token.epoch_number, token)
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return Actor(user=token.user, token=token, address=address, request_id=request_id())


def from_header(header: str) -> str | None:
    """The token's text in an `Authorization` header, Bearer (RFC 6750) or Basic (RFC 7617).

    None where the header is of another scheme; with Basic the token is the password.
    """
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
