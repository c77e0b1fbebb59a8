"""The connection test of a cluster: reachable, which version, and each right that Slipway needs."""

from __future__ import annotations

from gitops import kinds
from gitops.backends.base import Finding
from gitops.backends.kubernetes.discovery import Discovery
from gitops.backends.kubernetes.http import Api
from idp.common.errors import BackendError

_VERBS = ("get", "list", "create", "patch", "delete")
_READ = (("", "pods", ("list",)), ("", "pods/log", ("get",)), ("", "events", ("list",)))


def findings(api: Api, discovery: Discovery) -> list[Finding]:
    """One line a kind that syncing reads and writes; raises BackendError where nothing answers."""
    version = api.call("GET", "/version").get("gitVersion", "unknown")
    found = [Finding("Reachable", ok=True, message=f"Kubernetes {version} answers.")]
    for api_version, kind in kinds.CLUSTER_KINDS:
        found.append(_managed(api, discovery, api_version, kind))
    found += [_asked(api, f"May read {what}", group, what, verbs) for group, what, verbs in _READ]
    return found


def _managed(api: Api, discovery: Discovery, api_version: str, kind: str) -> Finding:
    try:
        resource = discovery.find(api_version, kind).plural
    except BackendError as exc:
        return Finding(f"May manage {kind}", ok=False, message=exc.message, fix=exc.fix)
    watched = ("watch",) if (api_version, kind) in kinds.WATCHED else ()
    group = api_version.rpartition("/")[0]
    return _asked(api, f"May manage {resource}", group, resource, (*_VERBS, *watched))


def _asked(api: Api, title: str, group: str, resource: str, verbs: tuple[str, ...]) -> Finding:
    try:
        missing = [verb for verb in verbs if not _may(api, group, resource, verb)]
    except BackendError as exc:
        return Finding(title, ok=False, message=exc.message, fix=exc.fix)
    if not missing:
        return Finding(title, ok=True, message="Allowed in all namespaces.")
    words = ", ".join(missing)
    fix = f"Bind a ClusterRole with {words} on {resource} to Slipway's account."
    return Finding(title, ok=False, message=f"Not allowed: {words}.", fix=fix)


def _may(api: Api, group: str, resource: str, verb: str) -> bool:
    name, _, part = resource.partition("/")
    asked = {"group": group, "resource": name, "subresource": part, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return bool(api.call("POST", path, body=review).get("status", {}).get("allowed"))
