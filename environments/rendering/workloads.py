"""Workloads as templates see them: the blueprint's entries under this environment's overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from environments.rendering.document import (
    IMAGE_PATTERN,
    EnvironmentDocument,
    check_reference,
    field_error,
    nearest,
)
from environments.rendering.template import Template
from gitops import naming
from gitops.renderers import RenderContext
from idp.changes.plans import digest
from idp.common import jsonschema

_SCHEMA = {
    "type": "object",
    "properties": {
        "image": {"type": "string", "maxLength": 300, "pattern": IMAGE_PATTERN},
        "replicas": {"type": "integer", "minimum": 0, "maximum": 100},
        "minReplicas": {"type": "integer", "minimum": 1, "maximum": 100},
        "maxReplicas": {"type": "integer", "minimum": 1, "maximum": 100},
        "autoscaling": {"type": "boolean"},
    },
}


def merged(
    template: Template, early: Mapping[str, Any], document: EnvironmentDocument
) -> dict[str, dict[str, Any]]:
    """Each workload's entry with the overrides laid over; `Invalid` for one that is not there."""
    entries = template.workload_entries(early)
    for name in document.workloads:
        if name not in entries:
            fix = nearest(name, list(entries))
            raise field_error(
                f"spec.workloads.{name}",
                "exists",
                f"Blueprint {document.blueprint} has no workload “{name}”.",
                fix,
            )
    for name, entry in entries.items():
        override = document.workloads.get(name, {})
        entry |= {"variables": {}, "secrets": {}, "component": "", **override}
        entry.setdefault("kind", "service")
        entry.setdefault("replicas", 1)
        jsonschema.validate(entry, _SCHEMA, at=f"workloads.{name}")
        least, most = entry.get("minReplicas", 1), entry.get("maxReplicas", 1)
        if entry.get("autoscaling") and least > most:
            raise field_error(
                f"workloads.{name}.maxReplicas",
                "order",
                f"Autoscaling between {least} and {most} pods is empty.",
                f"Use at least {least}.",
            )
    return entries


def facts(
    entries: Mapping[str, Mapping[str, Any]],
    document: EnvironmentDocument,
    *,
    outputs: bool,
) -> dict[str, dict[str, Any]]:
    """What a template may read of each workload: numbers, image, labels and where settings are."""
    found = {}
    for name, entry in entries.items():
        selector = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": document.name}
        component = {"app.kubernetes.io/component": c} if (c := entry["component"]) else {}
        settings = digest([entry["variables"], entry["secrets"]])[:16]
        restarted = document.restarted_at
        found[name] = {
            "name": name,
            "image": entry["image"],
            "replicas": 0 if document.stopped else entry["replicas"],
            "autoscaling": bool(entry.get("autoscaling")) and not document.stopped,
            "minReplicas": entry.get("minReplicas", 1),
            "maxReplicas": entry.get("maxReplicas", 1),
            "labels": {**selector, **component},
            "selector": selector,
            "annotations": {
                "slipway.dev/settings": settings,
                **({"slipway.dev/restarted-at": restarted} if restarted else {}),
            },
            "envFrom": env_from(name, entry, outputs=outputs),
        }
    return found


def env_from(name: str, entry: Mapping[str, Any], *, outputs: bool) -> list[dict[str, Any]]:
    """Outputs first, then variables, then secrets: the later win."""
    found: list[dict[str, Any]] = []
    if outputs:
        found.append({"secretRef": {"name": naming.OUTPUTS_SECRET}})
    if entry["variables"]:
        found.append({"configMapRef": {"name": f"{name}-variables"}})
    if entry["secrets"]:
        found.append({"secretRef": {"name": f"{name}-secrets"}})
    return found


def settings_documents(
    entries: Mapping[str, Mapping[str, Any]], context: RenderContext
) -> list[dict[str, Any]]:
    """ConfigMaps with the variables and Secrets that refer to values by name and version."""
    found: list[dict[str, Any]] = []
    for name, entry in entries.items():
        if entry["variables"]:
            found.append(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": f"{name}-variables"},
                    "data": dict(sorted(entry["variables"].items())),
                }
            )
        if entry["secrets"]:
            _check_secrets(name, entry["secrets"], context)
            found.append(
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": f"{name}-secrets"},
                    "type": "Opaque",
                    "stringData": {
                        key: naming.secret_reference(reference)
                        for key, reference in sorted(entry["secrets"].items())
                    },
                }
            )
    return found


def _check_secrets(name: str, secrets: Mapping[str, str], context: RenderContext) -> None:
    for key, reference in secrets.items():
        check_reference(reference, context.has_secret, f"spec.workloads.{name}.secrets.{key}")
