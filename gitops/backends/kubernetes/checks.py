"""The connection test of a cluster: reachable, which version, and each right that Slipway needs."""

from __future__ import annotations

from gitops.backends.base import Finding
from gitops.backends.kubernetes.http import Api

_NEEDED = (  # group, resource, verbs
    ("", "namespaces", ("get", "list", "create", "patch", "delete")),
    ("", "secrets", ("get", "create", "patch", "delete")),
    ("", "pods", ("get", "list", "watch")),
    ("", "events", ("list",)),
    ("apps", "deployments", ("get", "list", "watch", "create", "patch", "delete")),
    ("batch", "cronjobs", ("get", "create", "patch", "delete")),
    ("networking.k8s.io", "ingresses", ("get", "create", "patch", "delete")),
    ("networking.k8s.io", "networkpolicies", ("create", "patch", "delete")),
    ("rbac.authorization.k8s.io", "rolebindings", ("create", "patch", "delete")),
)


def findings(api: Api) -> list[Finding]:
    """One line a question; raises BackendError where the cluster does not answer at all."""
    version = api.call("GET", "/version").get("gitVersion", "unknown")
    found = [Finding("Reachable", ok=True, message=f"Kubernetes {version} answers.")]
    for group, resource, verbs in _NEEDED:
        missing = [verb for verb in verbs if not _may(api, group, resource, verb)]
        title = f"May manage {resource}"
        if missing:
            words = ", ".join(missing)
            fix = f"Bind a ClusterRole with {words} on {resource} to Slipway's account."
            found.append(Finding(title, ok=False, message=f"Not allowed: {words}.", fix=fix))
        else:
            found.append(Finding(title, ok=True, message="Allowed in all namespaces."))
    return found


def _may(api: Api, group: str, resource: str, verb: str) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"group": group, "resource": resource, "verb": verb}},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(api.call("POST", path, body=review).get("status", {}).get("allowed"))
