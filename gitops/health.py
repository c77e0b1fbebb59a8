"""How an object is, in Argo CD's vocabulary; pure functions of its document.

`assess` answers for every kind: what has no health of its own is Healthy once it exists. Upper
apps add rules for their kinds with `register`. Statuses: Healthy, Progressing, Suspended, Degraded,
Missing, Unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops.backends.base import AWS_API

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Health:
    status: str
    message: str = ""


Rule = Callable[[Document], "Health | None"]
_rules: dict[tuple[str, str], Rule] = {}

HEALTHY, PROGRESSING, DEGRADED = "Healthy", "Progressing", "Degraded"
SUSPENDED, UNKNOWN = "Suspended", "Unknown"


def register(group: str, *kinds: str) -> Callable[[Rule], Rule]:
    """Use the function as the rule of the kinds in an API group ("" is the core group)."""

    def keep(rule: Rule) -> Rule:
        for kind in kinds:
            _rules[group, kind] = rule
        return rule

    return keep


def find(document: Document) -> Health | None:
    """The health of an object, or None for a kind that has none of its own."""
    group, _, _ = str(document.get("apiVersion", "")).rpartition("/")
    rule = _rules.get((group, str(document.get("kind", ""))))
    if document.get("metadata", {}).get("deletionTimestamp") and rule:
        return Health(PROGRESSING, "Pending deletion")
    return rule(document) if rule else None


def assess(document: Document) -> Health:
    """The health of an object; one without a rule is well because it is there."""
    return find(document) or Health(HEALTHY)


def _status(document: Document) -> Document:
    status = document.get("status")
    return status if isinstance(status, Mapping) else {}


def _spec(document: Document) -> Document:
    spec = document.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def conditions(document: Document) -> Iterator[Document]:
    for condition in _status(document).get("conditions") or []:
        if isinstance(condition, Mapping):
            yield condition


def _is_observed(document: Document) -> bool:
    generation = int(document.get("metadata", {}).get("generation") or 0)
    return generation <= int(_status(document).get("observedGeneration") or 0)


@register("apps", "Deployment")
@register("extensions", "Deployment")
def _deployment(document: Document) -> Health:  # noqa: PLR0911 - one answer a state, in the order of judging
    spec, status = _spec(document), _status(document)
    if spec.get("paused"):
        return Health(SUSPENDED, "Deployment is paused")
    if not _is_observed(document):
        return Health(PROGRESSING, "The new specification has not been seen by the cluster yet")
    for condition in conditions(document):
        # The pods that a quota or Pod Security refuses are named here and nowhere else.
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return Health(DEGRADED, str(condition.get("message", "")))
        if condition.get("reason") == "ProgressDeadlineExceeded":
            name = document["metadata"]["name"]
            return Health(DEGRADED, f'Deployment "{name}" exceeded its progress deadline')
    wanted = spec.get("replicas")
    updated = status.get("updatedReplicas") or 0
    available = status.get("availableReplicas") or 0
    if wanted is not None and updated < wanted:
        return Health(PROGRESSING, f"{updated} of {wanted} new replicas have been updated")
    old = (status.get("replicas") or 0) - updated
    if old > 0:
        return Health(PROGRESSING, f"{old} old replicas are pending termination")
    if available < updated:
        return Health(PROGRESSING, f"{available} of {updated} updated replicas are available")
    return Health(HEALTHY)


@register("apps", "ReplicaSet")
@register("extensions", "ReplicaSet")
def _replica_set(document: Document) -> Health:
    if not _is_observed(document):
        return Health(PROGRESSING, "The new specification has not been seen by the cluster yet")
    for condition in conditions(document):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return Health(DEGRADED, str(condition.get("message", "")))
    wanted = _spec(document).get("replicas")
    available = _status(document).get("availableReplicas") or 0
    if wanted is not None and available < wanted:
        return Health(PROGRESSING, f"{available} of {wanted} replicas are available")
    return Health(HEALTHY)


@register("apps", "StatefulSet")
def _stateful_set(document: Document) -> Health:  # noqa: PLR0911 - one answer a state, in the order of judging
    spec, status = _spec(document), _status(document)
    if not status.get("observedGeneration") or not _is_observed(document):
        return Health(PROGRESSING, "The new specification has not been seen by the cluster yet")
    wanted, ready = spec.get("replicas"), status.get("readyReplicas") or 0
    if wanted is not None and ready < wanted:
        return Health(PROGRESSING, f"Waiting for {wanted - ready} pods to be ready")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return Health(HEALTHY, f"{ready} pods are ready")
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    updated = status.get("updatedReplicas") or 0
    if strategy.get("type") == "RollingUpdate" and strategy.get("rollingUpdate"):
        if wanted is not None and partition is not None and updated < wanted - partition:
            message = f"Partitioned rollout: {updated} of {wanted - partition} pods are updated"
            return Health(PROGRESSING, message)
        if partition:
            return Health(HEALTHY, f"Partitioned rollout complete: {updated} pods are updated")
    if status.get("updateRevision") != status.get("currentRevision"):
        revision = status.get("updateRevision")
        return Health(PROGRESSING, f"{updated} pods are at revision {revision}")
    return Health(HEALTHY)


@register("apps", "DaemonSet")
@register("extensions", "DaemonSet")
def _daemon_set(document: Document) -> Health:
    spec, status = _spec(document), _status(document)
    if not _is_observed(document):
        return Health(PROGRESSING, "The new specification has not been seen by the cluster yet")
    ready = status.get("numberAvailable") or 0
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return Health(HEALTHY, f"{ready} pods are ready")
    wanted = status.get("desiredNumberScheduled") or 0
    updated = status.get("updatedNumberScheduled") or 0
    if updated < wanted:
        return Health(PROGRESSING, f"{updated} of {wanted} new pods have been updated")
    if ready < wanted:
        return Health(PROGRESSING, f"{ready} of {wanted} updated pods are available")
    return Health(HEALTHY)


@register("batch", "Job")
def _job(document: Document) -> Health:
    for condition in conditions(document):
        kind, message = condition.get("type"), str(condition.get("message") or "")
        if condition.get("status") != "True":
            continue
        if kind == "Failed":
            return Health(DEGRADED, message)
        if kind == "Suspended":
            return Health(SUSPENDED, message)
        if kind == "Complete":
            return Health(HEALTHY, message)
    return Health(PROGRESSING)


@register("batch", "CronJob")
def _cron_job(document: Document) -> Health:
    """Argo CD's customization: suspended, running, or as its last run ended."""
    if _spec(document).get("suspend"):
        return Health(SUSPENDED, "CronJob is suspended")
    status = _status(document)
    if status.get("active"):
        count = len(status["active"])
        return Health(PROGRESSING, f"{count} {'job is' if count == 1 else 'jobs are'} running")
    last, success = status.get("lastScheduleTime"), status.get("lastSuccessfulTime")
    if not last:
        return Health(HEALTHY, "CronJob has not been scheduled yet")
    if not success:
        return Health(DEGRADED, "CronJob has not completed its last run successfully")
    if str(success) < str(last):
        return Health(DEGRADED, "CronJob has not completed its last run successfully")
    return Health(HEALTHY, "CronJob has completed its last run successfully")


_HOOKS = ("argocd.argoproj.io/hook", "helm.sh/hook")
_IGNORE_RESTART = "argocd.argoproj.io/ignore-restart-policy"


@register("", "Pod")
def _pod(document: Document) -> Health:  # noqa: PLR0911 - one answer a state, in the order of judging
    status = _status(document)
    phase, said = status.get("phase"), str(status.get("message") or "")
    stays = _stays(document)
    stuck = [message for message in map(_stuck, status.get("containerStatuses") or []) if message]
    if stays and stuck:
        return Health(DEGRADED, ", ".join(stuck))
    if phase == "Succeeded":
        return Health(HEALTHY, said)
    if phase == "Failed":
        return Health(DEGRADED, said or _failure(status))
    if phase == "Pending":
        return Health(PROGRESSING, said)
    if phase != "Running":
        return Health(UNKNOWN, said)
    if not stays:
        return Health(PROGRESSING, said)
    ready = any(
        c.get("type") == "Ready" and c.get("status") == "True" for c in conditions(document)
    )
    if ready:
        return Health(HEALTHY, said)
    ended = any((c.get("lastState") or {}).get("terminated") for c in status["containerStatuses"])
    return Health(DEGRADED if ended else PROGRESSING, said)


def _stays(document: Document) -> bool:
    """Whether the pod is meant to go on running, rather than to end."""
    if _spec(document).get("restartPolicy", "Always") == "Always":
        return True
    annotations = document.get("metadata", {}).get("annotations") or {}
    is_hook = any(key in annotations for key in _HOOKS)
    return annotations.get(_IGNORE_RESTART) == "true" and not is_hook


def _stuck(container: Document) -> str:
    """What the container waits for, where that is an error."""
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
        return str(waiting.get("message") or reason)
    return ""


def _failure(status: Document) -> str:
    every = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in every:
        ended = (container.get("state") or {}).get("terminated") or {}
        if ended.get("message"):
            return str(ended["message"])
        if ended.get("reason") == "OOMKilled":
            return "OOMKilled"
        if ended.get("exitCode"):
            return f'container "{container.get("name")}" failed with exit code {ended["exitCode"]}'
    return ""


@register("", "PersistentVolumeClaim")
def _claim(document: Document) -> Health:
    phase = _status(document).get("phase")
    known = {"Bound": HEALTHY, "Pending": PROGRESSING, "Lost": DEGRADED}
    return Health(known.get(str(phase), UNKNOWN))


@register("", "Service")
def _service(document: Document) -> Health:
    if _spec(document).get("type") == "LoadBalancer" and not _has_address(document):
        return Health(PROGRESSING, "Waiting for an address")
    return Health(HEALTHY)


@register("networking.k8s.io", "Ingress")
@register("extensions", "Ingress")
def _ingress(document: Document) -> Health:
    return (
        Health(HEALTHY) if _has_address(document) else Health(PROGRESSING, "Waiting for an address")
    )


def _has_address(document: Document) -> bool:
    return bool((_status(document).get("loadBalancer") or {}).get("ingress"))


_FITS = {"ReadyForNewScale", "ScaleDownStabilized", "ScaleUpStabilized", "SucceededRescale"}
_FITS |= {"BackoffBoth", "BackoffDownscale", "BackoffUpscale"}
_BROKEN = {"FailedGetScale", "FailedUpdateScale", "InvalidSelector", "InvalidMetricSourceType"}


@register("autoscaling", "HorizontalPodAutoscaler")
def _autoscaler(document: Document) -> Health:
    found = [*conditions(document), *_annotated_conditions(document)]
    for condition in found:
        reason = str(condition.get("reason") or "")
        failed = reason in _BROKEN or (reason.startswith("FailedGet") and "Metric" in reason)
        if failed and condition.get("type") in {"AbleToScale", "ScalingActive"}:
            return Health(DEGRADED, str(condition.get("message") or reason))
    for condition in found:
        if condition.get("type") == "AbleToScale" and condition.get("reason") in _FITS:
            return Health(HEALTHY, str(condition.get("message") or ""))
    return Health(PROGRESSING, "Waiting to autoscale")


def _annotated_conditions(document: Document) -> list[Document]:
    """`autoscaling/v1` keeps its conditions as JSON in an annotation."""
    annotations = document.get("metadata", {}).get("annotations") or {}
    try:
        found = json.loads(annotations.get("autoscaling.alpha.kubernetes.io/conditions") or "[]")
    except ValueError:
        return []
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


@register("apiregistration.k8s.io", "APIService")
def _api_service(document: Document) -> Health:
    for condition in conditions(document):
        if condition.get("type") == "Available":
            said = f"{condition.get('reason', '')}: {condition.get('message', '')}"
            return Health(HEALTHY if condition.get("status") == "True" else PROGRESSING, said)
    return Health(PROGRESSING, "Waiting to be processed")


def _cloud(document: Document) -> Health:
    state = str(_status(document).get("state") or "ACTIVE")
    return Health(HEALTHY) if state == "ACTIVE" else Health(PROGRESSING, state.lower())


register(
    AWS_API.partition("/")[0], "Bucket", "Queue", "Topic", "Table", "SecretValue", "Role", "Policy"
)(_cloud)
