"""Cloud resources that an environment declares: their schemas and their typed AWS documents.

The workload reaches them through an IAM role of its own, bound to its service account; nothing of
the account's keys ever enters the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from environments.rendering.document import check_name, check_reference, field_error, nearest
from gitops import naming
from gitops.backends.base import AWS_API
from idp.common import jsonschema

MAX_AWS_NAME = 63  # S3's bound is the tightest of those that we name
ROLE = "workload"

_BOOL = {"type": "boolean"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Bucket": {
        "type": "object",
        "properties": {
            "kind": {"const": "Bucket"},
            "versioning": {**_BOOL, "title": "Keep old versions", "default": False},
        },
    },
    "Queue": {
        "type": "object",
        "properties": {
            "kind": {"const": "Queue"},
            "fifo": {**_BOOL, "title": "First in, first out", "default": False},
            "visibilityTimeout": {"type": "integer", "minimum": 0, "maximum": 43_200},
            "retentionSeconds": {"type": "integer", "minimum": 60, "maximum": 1_209_600},
            "deadLetter": {
                "type": "object",
                "required": ["maxReceives"],
                "additionalProperties": False,
                "properties": {"maxReceives": {"type": "integer", "minimum": 1, "maximum": 1000}},
            },
        },
    },
    "Topic": {
        "type": "object",
        "properties": {
            "kind": {"const": "Topic"},
            "fifo": {**_BOOL, "title": "First in, first out", "default": False},
            "subscriptions": {
                "type": "array",
                "maxItems": 20,
                "items": {
                    "type": "object",
                    "required": ["queue"],
                    "additionalProperties": False,
                    "properties": {"queue": {"type": "string"}},
                },
            },
        },
    },
    "Table": {
        "type": "object",
        "properties": {
            "kind": {"const": "Table"},
            "key": {
                "type": "object",
                "required": ["partition"],
                "additionalProperties": False,
                "properties": {
                    "partition": {"type": "string", "minLength": 1, "maxLength": 255},
                    "sort": {"type": "string", "minLength": 1, "maxLength": 255},
                },
            },
            "attributes": {
                "type": "object",
                "maxProperties": 20,
                "additionalProperties": {"enum": ["S", "N", "B"]},
            },
            "ttl": {"type": "string", "maxLength": 255},
        },
    },
    "SecretValue": {
        "type": "object",
        "required": ["ref"],
        "properties": {
            "kind": {"const": "SecretValue"},
            "ref": {
                "type": "string",
                "title": "A secret's name@version",
                "pattern": r"^[a-z0-9][a-z0-9._-]{0,119}@[1-9][0-9]{0,8}$",
            },
        },
    },
}
_ACTIONS = {
    "Bucket": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
    "Queue": [
        "sqs:SendMessage",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
    ],
    "Topic": ["sns:Publish"],
    "Table": [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:DescribeTable",
    ],
    "SecretValue": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
}
_SUFFIX = "-??????"  # Secrets Manager ends its ARNs with six characters of its own


@dataclass(frozen=True)
class Place:
    """Where an environment's resources are made, and what they are marked with."""

    namespace: str
    region: str
    labels: Mapping[str, str]
    expires: str
    oidc_provider_arn: str
    oidc_issuer: str
    service_account: str


def aws_name(namespace: str, name: str, *, suffix: str = "") -> str:
    """`<namespace>-<name>`, shortened by a hash where AWS would refuse the length."""
    return naming.resource(namespace, name, limit=MAX_AWS_NAME - len(suffix)) + suffix


def prefix_of(name: str, kind: str) -> str:
    """The beginning of the variables that carry a resource's outputs: `EXPORTS_BUCKET`."""
    return f"{name}_{kind}".replace("-", "_").upper()


def check(
    resources: Mapping[str, Mapping[str, Any]],
    kinds: tuple[str, ...],
    most: int,
    blueprint: str,
    has_secret: Callable[[str, int], bool],
) -> None:
    """Raise `Invalid` for a resource that the blueprint does not take or that breaks its schema."""
    if resources and not kinds:
        raise field_error(
            "resources",
            "kinds",
            f"Blueprint {blueprint} takes no resources.",
            "Choose a blueprint that does, like web-service-aws.",
        )
    if len(resources) > most:
        raise field_error(
            "resources", "max", f"{len(resources)} resources; {most} are allowed.", "Remove some."
        )
    for name, spec in resources.items():
        at = f"resources.{name}"
        check_name(name, at)
        kind = str(spec.get("kind", "")) if isinstance(spec, Mapping) else ""
        if kind not in kinds:
            fix = nearest(kind, list(kinds))
            raise field_error(f"{at}.kind", "kinds", f"Kind “{kind}” cannot be made here.", fix)
        known = SCHEMAS[kind]["properties"]
        for key in spec:
            if key not in known:
                fix = nearest(str(key), list(known))
                raise field_error(f"{at}.{key}", "unknown", f"“{key}” is not known.", fix)
        jsonschema.validate(dict(spec), SCHEMAS[kind], at=at)
        _check_subscriptions(name, spec, resources)
        _check_dead_letters(name, spec, resources)
        if kind == "SecretValue":
            check_reference(spec["ref"], has_secret, f"{at}.ref")


def _check_subscriptions(
    name: str, spec: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]]
) -> None:
    for index, subscription in enumerate(spec.get("subscriptions", [])):
        queue = subscription["queue"]
        if resources.get(queue, {}).get("kind") != "Queue":
            at = f"resources.{name}.subscriptions[{index}].queue"
            fix = nearest(queue, [n for n, s in resources.items() if s.get("kind") == "Queue"])
            raise field_error(at, "exists", f"There is no queue “{queue}” here.", fix)


def _check_dead_letters(
    name: str, spec: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]]
) -> None:
    dead = f"{name}-dead"
    if spec.get("deadLetter") and resources.get(dead, {}).get("kind") == "Queue":
        message = f"“{dead}” is the name of the dead-letter queue of “{name}”."
        raise field_error(f"resources.{dead}", "unique", message, "Choose another name.")


def documents(resources: Mapping[str, Mapping[str, Any]], place: Place) -> list[dict[str, Any]]:
    """The AWS documents of all resources, and the role by which workloads reach them."""
    if not resources:
        return []
    found = [_resource(name, spec, resources, place) for name, spec in sorted(resources.items())]
    return [*found, *_access(resources, place)]


def real_name(name: str, spec: Mapping[str, Any], place: Place) -> str:
    """The name at AWS; FIFO queues and topics must end with `.fifo`."""
    return aws_name(place.namespace, name, suffix=".fifo" if spec.get("fifo") else "")


def _resource(
    name: str,
    spec: Mapping[str, Any],
    resources: Mapping[str, Mapping[str, Any]],
    place: Place,
) -> dict[str, Any]:
    kind = spec["kind"]
    body = {key: value for key, value in spec.items() if key != "kind"}
    if kind == "Bucket":
        body = {"versioning": False, "publicAccess": False, "encryption": "AES256", **body}
    elif kind == "Table":
        body = {"key": {"partition": "id"}, "billing": "PAY_PER_REQUEST", **body}
        keys = [body["key"]["partition"], body["key"].get("sort")]
        body["attributes"] = {**{k: "S" for k in keys if k}, **body.get("attributes", {})}
    elif kind == "Topic" and "subscriptions" in body:
        body["subscriptions"] = [
            {"queue": real_name(s["queue"], resources[s["queue"]], place)}
            for s in body["subscriptions"]
        ]
    document = _document(kind, real_name(name, spec, place), body, place)
    document["metadata"]["annotations"] |= {
        "slipway.dev/logical-name": name,
        "slipway.dev/output-prefix": prefix_of(name, kind),
    }
    return document


def _document(kind: str, name: str, spec: dict[str, Any], place: Place) -> dict[str, Any]:
    expires = {"slipway.dev/expires-at": place.expires} if place.expires else {}
    return {
        "apiVersion": AWS_API,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(place.labels), "annotations": expires},
        "spec": spec,
    }


def _access(resources: Mapping[str, Mapping[str, Any]], place: Place) -> list[dict[str, Any]]:
    name = aws_name(place.namespace, ROLE)
    statements = [
        {
            "effect": "Allow",
            "actions": _ACTIONS[spec["kind"]],
            "resources": _arns(spec["kind"], real_name(key, spec, place), place.region),
        }
        for key, spec in sorted(resources.items())
    ]
    trust = {
        "oidcProviderArn": place.oidc_provider_arn,
        "issuer": place.oidc_issuer,
        "namespace": place.namespace,
        "serviceAccount": place.service_account,
    }
    policy = _document("Policy", name, {"statements": statements}, place)
    policy["metadata"]["annotations"]["slipway.dev/logical-name"] = ROLE
    if not place.oidc_provider_arn:
        return [policy]
    role = _document("Role", name, {"trust": trust, "policies": [name]}, place)
    role["metadata"]["annotations"] |= {
        "slipway.dev/logical-name": ROLE,
        "slipway.dev/output-prefix": "WORKLOAD_ROLE",
    }
    return [policy, role]


def _arns(kind: str, name: str, region: str) -> list[str]:
    """What the policy names; the account's number is left open, the name is ours alone."""
    aws = naming.partition(region)
    if kind == "Bucket":
        return [f"arn:{aws}:s3:::{name}", f"arn:{aws}:s3:::{name}/*"]
    services = {"Queue": "sqs", "Topic": "sns", "Table": "dynamodb"}
    service = services.get(kind, "secretsmanager")
    named = {"Table": f"table/{name}", "SecretValue": f"secret:{name}{_SUFFIX}"}
    resource = named.get(kind, name)
    return [f"arn:{aws}:{service}:{region}:*:{resource}"]
