"""Proofs that a webhook comes from whom it says: HMAC signatures and GitLab's secret token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

from gitops.hosts.base import Forged

TOLERANCE = 300.0  # seconds; older signed deliveries are replays
_PREFIX = "whsec_"
_MOST = 10  # signatures of one delivery, as while a secret is replaced


def hex_hmac(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def require_hex(given: str, body: bytes, secret: str, *, header: str) -> None:
    """Raise `Forged` unless `given` is the body's HMAC-SHA-256 in hexadecimal."""
    if not secret:
        raise Forged("The repository has no webhook secret.", fix="Set one in Slipway.")
    if not given:
        raise Forged(
            f"The delivery has no {header}.", fix="Set the webhook's secret at the git host."
        )
    if not hmac.compare_digest(hex_hmac(body, secret).encode(), given.encode()):
        raise Forged(
            f"The {header} does not fit.",
            fix="Set the same secret at the git host and in Slipway.",
        )


def is_signing(secret: str) -> bool:
    """Whether a secret is a signing token of Standard Webhooks."""
    return secret.startswith(_PREFIX)


def require_token(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """GitLab's proof: its signature where a signing token is kept, else its secret token."""
    if is_signing(secret):
        _require_standard(headers, body, secret)
        return
    given = headers.get("x-gitlab-token", "")
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        raise Forged(
            "The X-Gitlab-Token does not fit.",
            fix="Set the same secret token at GitLab and in Slipway.",
        )


def _require_standard(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """https://www.standardwebhooks.com: HMAC over the delivery's id, its time and its body."""
    name, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not (name and at and given):
        raise Forged(
            "The delivery has no webhook-signature.",
            fix="Set the signing token at GitLab, or keep its secret token in Slipway.",
        )
    if not (at.isascii() and at.isdecimal()) or abs(time.time() - int(at[:12])) > TOLERANCE:
        raise Forged("The delivery's webhook-timestamp is not of now.", fix="Check both clocks.")
    wanted = standard_signature(name, at, body, secret).encode()
    found = [hmac.compare_digest(wanted, one.encode()) for one in given.split(" ")[:_MOST]]
    if not any(found):
        raise Forged(
            "The webhook-signature does not fit.",
            fix="Keep the signing token that GitLab shows in Slipway too.",
        )


def standard_signature(name: str, at: str, body: bytes, secret: str) -> str:
    """The signature `v1,<base64>` of a delivery."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Forged(
            "The signing token that is kept is none.", fix="Copy it whole: whsec_…"
        ) from error
    signed = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"
