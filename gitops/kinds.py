"""What Slipway makes, in which order, and what each kind's changes mean for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitops.backends.base import AWS_API
from idp.changes.plans import FieldChange, Risk, Verb
from idp.common.errors import Invalid, Refusal

# Made in this order, removed in the opposite one. AWS comes before what reads its outputs.
CLUSTER_KINDS: tuple[tuple[str, str], ...] = (
    ("v1", "Namespace"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "Ingress"),
)
# Whose health the controller follows by watching.
WATCHED = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("batch/v1", "Job"))
CLOUD_KINDS = ("Queue", "Topic", "Bucket", "Table", "SecretValue", "Policy", "Role")
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "Bucket": ("NAME", "ARN", "REGION"),
    "Queue": ("URL", "ARN"),
    "Topic": ("ARN",),
    "Table": ("NAME", "ARN"),
    "SecretValue": ("ARN",),
    "Role": ("ARN",),
}
WORKLOADS = frozenset({"Deployment", "StatefulSet", "Job", "CronJob"})
STATEFUL = frozenset({"Bucket", "Queue", "Table", "PersistentVolumeClaim"})
_ACCESS = frozenset({"Role", "RoleBinding", "Policy", "NetworkPolicy", "ServiceAccount"})
_QUIET = frozenset({"Namespace", "ResourceQuota", "LimitRange", "PodDisruptionBudget"})
# Fields that a target cannot change in place, by kind: the object is made anew.
IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "Queue": ("spec.fifo",),
    "Topic": ("spec.fifo",),
    "Table": ("spec.key", "spec.attributes", "spec.billing"),
}
_CLUSTER_RANK = {kind: rank for rank, kind in enumerate(CLUSTER_KINDS)}
_BEFORE_CLOUD = _CLUSTER_RANK["networking.k8s.io/v1", "NetworkPolicy"]


def target_of(api_version: str) -> str:
    """The backend port that keeps a document: "aws" or "kubernetes"."""
    return "aws" if api_version == AWS_API else "kubernetes"


def rank(api_version: str, kind: str) -> int:
    """The place of a kind in the order of making; unknown kinds come last."""
    if api_version == AWS_API:
        return 100 + (CLOUD_KINDS.index(kind) if kind in CLOUD_KINDS else 50)
    place = _CLUSTER_RANK.get((api_version, kind), 90)
    return place if place <= _BEFORE_CLOUD else 200 + place


def risk(verb: Verb, kind: str, fields: Iterable[FieldChange] = ()) -> Risk:
    """What an action may do to people."""
    if verb is Verb.UNCHANGED or (verb is Verb.CREATE and kind not in _ACCESS):
        return Risk.HARMLESS
    if verb in {Verb.DELETE, Verb.REPLACE} and kind in STATEFUL:
        return Risk.DATA
    if verb is Verb.CREATE:
        return Risk.HARMLESS  # new rights for what is new itself
    if kind in _ACCESS:
        return Risk.ACCESS
    if kind in _QUIET and verb is not Verb.DELETE:
        return Risk.HARMLESS
    metadata_only = [f.path.startswith(("metadata.labels", "metadata.annotations")) for f in fields]
    return Risk.HARMLESS if metadata_only and all(metadata_only) else Risk.RUNTIME


def check_documents(documents: Iterable[Mapping[str, Any]], namespace: str) -> None:
    """Hold every rendered document to its application's own namespace and to known kinds.

    Raises `Refusal` with the object and the rule, `Invalid` for what is described twice. A Secret
    may come from a renderer only, whose values are references.
    """
    seen: set[tuple[str, str, str]] = set()
    for document in documents:
        api, kind = str(document.get("apiVersion")), str(document.get("kind"))
        metadata = document.get("metadata") or {}
        name = str(metadata.get("name", ""))
        known = kind in CLOUD_KINDS if api == AWS_API else (api, kind) in _CLUSTER_RANK
        if not known or not name:
            raise Refusal(
                f"{kind} “{name}” ({api}) is none of the kinds that an environment may make.",
                fix="A platform engineer can put it into a blueprint.",
            )
        own = name if kind == "Namespace" else metadata.get("namespace", namespace)
        if api != AWS_API and own != namespace:
            raise Refusal(
                f"{kind} “{name}” is in namespace “{own}”; this environment's own is"
                f" “{namespace}”.",
                fix="Leave metadata.namespace out.",
            )
        if api == AWS_API and not name.startswith(f"{namespace}-"):
            raise Refusal(
                f"{kind} “{name}” is not named as this environment's resources are.",
                fix=f"Begin its name with “{namespace}-”: others in the account are left alone.",
            )
        if (api, kind, name) in seen:
            raise Invalid(f"{kind} “{name}” is described twice.", fix="Remove one of the two.")
        seen.add((api, kind, name))
        if kind == "Secret" and document.get("data"):
            raise Refusal(
                f"Secret “{name}” holds values: they never enter git.",
                fix="Set the value with “set secret” and refer to it as name@version.",
            )
