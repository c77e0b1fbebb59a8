"""The kinds that a simulated cluster serves, and how it judges a document before storing it."""

from __future__ import annotations

import re
from typing import Any

from gitops.backends.base import Document, ObjectRef
from gitops.models import MemoryObject
from idp.common.errors import PermanentBackendError

CRD = "apiextensions.k8s.io/v1"
_NAMESPACED = {
    "v1": (
        "Pod Service ConfigMap Secret ServiceAccount PersistentVolumeClaim ResourceQuota LimitRange"
    ),
    "apps/v1": "Deployment ReplicaSet StatefulSet DaemonSet",
    "batch/v1": "Job CronJob",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
_CLUSTER = {
    "v1": "Namespace PersistentVolume",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "networking.k8s.io/v1": "IngressClass",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "StorageClass",
    CRD: "CustomResourceDefinition",
}
BUILTIN = {
    (api, kind): namespaced
    for table, namespaced in ((_NAMESPACED, True), (_CLUSTER, False))
    for api, kinds in table.items()
    for kind in kinds.split()
}
DERIVED = frozenset({"Pod", "ReplicaSet"})  # played from workloads, besides those stored as such
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# RBAC's objects are named by path segments: `system:…` is a name there.
_FREE_NAMES = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
_IMMUTABLE = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates"),
    "DaemonSet": ("selector",),
    "Job": ("template", "selector", "completionMode"),
    "PersistentVolumeClaim": ("storageClassName", "accessModes", "volumeName"),
}


def is_namespaced(cluster: str, api_version: str, kind: str) -> bool:
    """Whether a kind lives in namespaces; raises where the cluster does not serve it."""
    known = BUILTIN.get((api_version, kind))
    if known is not None:
        return known
    group, _, version = api_version.rpartition("/")
    for row in MemoryObject.objects.filter(cluster=cluster, kind="CustomResourceDefinition"):
        spec = row.body["document"].get("spec", {})
        versions = {each.get("name") for each in spec.get("versions", [])}
        if (spec.get("group"), spec.get("names", {}).get("kind")) == (group, kind):
            if version in versions:
                return bool(spec.get("scope") == "Namespaced")
            break
    raise PermanentBackendError(
        f"Cluster {cluster} knows no kind {kind} in {api_version}.",
        fix="Check apiVersion and kind, or install the CustomResourceDefinition first.",
    )


def validate(ref: ObjectRef, document: Document) -> None:
    """Raise as an API server would (422) for a document that can be seen to be wrong."""
    wrong = _name_error(ref)
    if not wrong and ref.kind in {"Deployment", "StatefulSet", "DaemonSet"}:
        wrong = _workload_error(document.get("spec", {}))
    if wrong:
        raise PermanentBackendError(
            f"{ref} is invalid: {wrong}", fix="Correct the field and plan the change again."
        )


def _name_error(ref: ObjectRef) -> str:
    if ref.kind in _FREE_NAMES:
        return "" if ref.name and "/" not in ref.name else f'metadata.name: "{ref.name[:60]}"'
    limit = 63 if ref.kind in {"Namespace", "Service"} else 253
    if len(ref.name) <= limit and _SUBDOMAIN.fullmatch(ref.name):
        return ""
    return (
        f'metadata.name: Invalid value: "{ref.name[:60]}": must consist of lower case letters,'
        f" digits, '-' or '.', and have at most {limit} characters"
    )


def _workload_error(spec: Document) -> str:
    wanted = spec.get("selector", {}).get("matchLabels", {})
    template = spec.get("template", {})
    labels = template.get("metadata", {}).get("labels", {})
    if not wanted:
        return "spec.selector: Required value"
    if any(labels.get(key) != value for key, value in wanted.items()):
        return "spec.template.metadata.labels: `selector` does not match template `labels`"
    if not template.get("spec", {}).get("containers"):
        return "spec.template.spec.containers: Required value"
    replicas = spec.get("replicas", 1)
    if not isinstance(replicas, int) or replicas < 0:
        return f"spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0"
    return ""


def check_immutable(ref: ObjectRef, before: dict[str, Any], after: Document) -> None:
    """Raise where an update changes a field that the API server keeps as it was made."""
    old, new = before.get("spec", {}), after.get("spec", {})
    for name in _IMMUTABLE.get(ref.kind, ()):
        if old.get(name) != new.get(name):
            raise PermanentBackendError(
                f"{ref} is invalid: spec.{name}: field is immutable.",
                fix=f"Delete {ref} and let the change make it anew, or give it another name.",
            )
