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
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from rbac import epoch, grants
from rbac.actors import Actor
from rbac.models import ApiToken, User
from rbac.requests import request_id

_TEXT = re.compile(r"slp_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_ALPHABET = string.ascii_lowercase + string.digits
_issuers: dict[str, Callable[[str, str | None], Actor | None]] = {}
LASTS = timedelta(days=90)  # of an issued token: as long as a change that it asked for may wait
USED_EVERY = timedelta(minutes=1)  # `last_used_at` costs a write at most this often
NO_DIGEST = "0" * 64


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

    One query; notes the use at most once a minute. Texts of other forms are their issuers'.
    """
    for start, issuer in _issuers.items():
        if text.startswith(start):
            return issuer(text, address)
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    token = (
        ApiToken.objects.select_related("user", "scope__project_scope")
        .annotate(epoch_number=epoch.subquery())
        .filter(prefix=found[1])
        .first()
    )
    known = token.digest if token else NO_DIGEST
    if not hmac.compare_digest(known, digest_of(found[2])) or token is None:
        return None
    now = timezone.now()
    if token.revoked_at or token.expires_at <= now or not token.user.is_active:
        return None
    grants.stamp(token.user, token.epoch_number, token)
    if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return Actor(user=token.user, token=token, address=address, request_id=request_id())


def register_issuer(start: str, check: Callable[[str, str | None], Actor | None]) -> None:
    """Let an upper app judge the texts that begin like this; it answers as `authenticate` does."""
    if start in _issuers:
        raise ValueError(f"tokens {start}… are registered twice")
    _issuers[start] = check


def issued(user: User, *, issued_for: str, **fields: Any) -> ApiToken:
    """The row behind an issuer's text, made when it is first used; its own text nobody has.

    It counts as long as a change that it asked for may wait; whether the text still opens anything
    is its issuer's to say.
    """
    made = {
        "user": user,
        "prefix": new_text()[1],
        "digest": NO_DIGEST,
        "expires_at": timezone.now() + LASTS,
        **fields,
    }
    row, _ = ApiToken.objects.select_related("user", "scope__project_scope").get_or_create(
        issued_for=issued_for, defaults=made
    )
    return row


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
