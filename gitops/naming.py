"""Names that Slipway makes once and stores: namespaces, AWS names, and references to outputs.

Plain joins collide (`a-b`+`c`, `a`+`b-c`), and a name that comes back after a deletion would meet
what was retained; so every namespace carries a few random digits, and is never computed again.
"""

from __future__ import annotations

import hashlib
import re
import secrets

OUTPUTS_SECRET = "slipway-outputs"  # noqa: S105 - an object's name: holds the resources' outputs
PULL_SECRET = "slipway-pull"  # noqa: S105 - an object's name: the cluster's registries
_PART = 20
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_REFERENCE = re.compile(r"\$\{([A-Z][A-Za-z]{1,40})/([A-Za-z0-9._-]{1,128})\.([A-Z_]{1,20})\}")
_SECRET = re.compile(r"\$\{secret:([a-z0-9][a-z0-9._-]{0,119}@[1-9][0-9]{0,8})\}")


def namespace(project: str, environment: str) -> str:
    """A new name `<project>-<environment>-<6 hex digits>` of at most 48 characters; store it."""
    parts = [part[:_PART].strip("-") for part in (project, environment)]
    return "-".join([*parts, secrets.token_hex(3)])


def resource(namespace: str, logical_name: str, *, limit: int = 63) -> str:
    """The AWS name of an environment's resource: unique by the namespace, at most `limit` long."""
    name = f"{namespace}-{logical_name}"
    if len(name) <= limit:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{name[: limit - 7].rstrip('-')}-{mark}"


def partition(region: str) -> str:
    """The first part of the ARNs in a region: "aws", or that of China and of the GovCloud."""
    found = (name for begin, name in _PARTITIONS.items() if region.startswith(begin))
    return next(found, "aws")


def output_reference(kind: str, name: str, key: str) -> str:
    """Text for a leaf of a document that stands for an AWS output, filled in when applied."""
    return f"${{{kind}/{name}.{key}}}"


def secret_reference(reference: str) -> str:
    """Text for a `stringData` leaf that stands for the secret value `name@version`."""
    return f"${{secret:{reference}}}"


def output_references(text: str) -> list[tuple[str, str, str]]:
    """The (kind, name, key) of every output that a text refers to."""
    return [match.groups() for match in _REFERENCE.finditer(text)]  # type: ignore[misc]  # 3 groups


def replace_outputs(text: str, values: dict[tuple[str, str, str], str]) -> str:
    """The text with known outputs filled in; unknown references stay as they are."""
    return _REFERENCE.sub(lambda m: values.get((m[1], m[2], m[3]), m[0]), text)


def secret_in(text: str) -> str:
    """The `name@version` that a leaf stands for, or empty."""
    match = _SECRET.fullmatch(text)
    return match[1] if match else ""
