"""Names that become DNS labels, namespaces and parts of AWS names."""

import re

from django.core.exceptions import ValidationError

MAX_NAME = 40
_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_PART = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MAX_DOMAIN = 200  # room for what stands before it in 253
RESERVED = frozenset(
    {
        "default",
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "slipway",
        "system",
        "new",
        "api",
        "admin",
        "all",
        "none",
    }
)


def dns_label(value: str) -> None:
    """Refuse what is no DNS label (RFC 1123, section 2.1), too long or reserved."""
    if not _LABEL.fullmatch(value) or len(value) > MAX_NAME:
        raise ValidationError(
            f"“{value[:60]}” is not a name: use 1 to {MAX_NAME} lower-case letters, digits and"
            " hyphens, starting with a letter and not ending with a hyphen, like “orders-api”.",
            code="dns_label",
        )
    if value in RESERVED or value.startswith("kube-"):
        raise ValidationError(
            f"“{value}” is reserved; choose another name, for example “{value}-1”.", code="reserved"
        )


def dns_name(value: str) -> None:
    """Refuse what is no DNS name of two labels or more (RFC 1123, section 2.1)."""
    labels = value.split(".")
    if len(value) > MAX_DOMAIN or len(labels) < 2 or not all(map(_PART.fullmatch, labels)):  # noqa: PLR2004  # as the docstring says
        raise ValidationError(
            f"“{value[:60]}” is not a domain: write lower-case labels with dots between them, like"
            " “apps.example.com”.",
            code="dns_name",
        )
