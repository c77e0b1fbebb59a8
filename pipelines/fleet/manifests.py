"""The documents of one attempt in a cluster: a Job whose pod runs the agent for this attempt.

An init container copies the agent into a shared volume; the job's own image runs it. The pod has no
rights in the cluster, no privileges on its node, and one token for one attempt.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from pipelines.fleet.models import Agent, Pod

NAME = "app.kubernetes.io/managed-by"
AGENT, ATTEMPT, SITE = (
    "slipway.dev/ci-agent",
    "slipway.dev/ci-attempt",
    "slipway.dev/ci-site",
)
ACCOUNT = "slipway-ci"
BROUGHT, WORK, TOKEN = "/slipway-agent", "/slipway-work", "/slipway-token"
KEEP_SECONDS = 300  # after its end
STOP_SECONDS = 60  # from the ask to the kill
SLACK_SECONDS = 900  # for images, sources and artifacts, beyond the job's own timeout
USER = 1000
KEEP = "SLIPWAY_AGENT_KEEP_ENVIRONMENT"  # the job begins with what its image sets

_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def name_of(pod: Pod, site: str) -> str:
    """The same name whoever asks again; another Slipway's in the same namespace differs."""
    return f"slipway-ci-{site}-{pod.attempt_id}"


def labels(agent: Agent, site: str, attempt: int | None = None) -> dict[str, str]:
    found = {NAME: "slipway", AGENT: str(agent.pk), SITE: site}
    return found | ({ATTEMPT: str(attempt)} if attempt is not None else {})


def selector(agent: Agent, site: str) -> str:
    return ",".join(f"{key}={value}" for key, value in labels(agent, site).items())


def namespace(agent: Agent) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": agent.namespace,
            "labels": {NAME: "slipway", "pod-security.kubernetes.io/enforce": "restricted"},
        },
    }


def account(agent: Agent) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": ACCOUNT,
            "namespace": agent.namespace,
            "labels": {NAME: "slipway"},
        },
        "automountServiceAccountToken": False,
    }


def secret(pod: Pod, site: str, token: str, owner: str) -> dict[str, Any]:
    """The token, gone with its Job."""
    reference = {
        "apiVersion": "batch/v1", "kind": "Job", "name": name_of(pod, site), "uid": owner,
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name_of(pod, site),
            "namespace": pod.agent.namespace,
            "labels": labels(pod.agent, site, pod.attempt_id),
            "ownerReferences": [reference],
        },
        "stringData": {"token": token},
    }


def job(pod: Pod, site: str, url: str, image: str, timeout: float) -> dict[str, Any]:
    agent, marks = pod.agent, labels(pod.agent, site, pod.attempt_id)
    name = name_of(pod, site)
    meta = {"name": name, "namespace": agent.namespace, "labels": marks}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta,
        "spec": {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": KEEP_SECONDS,
            "activeDeadlineSeconds": int(timeout) + SLACK_SECONDS,
            "template": {
                "metadata": {"labels": marks, "annotations": _annotations()},
                "spec": _pod(agent, name, url, image),
            },
        },
    }


def _annotations() -> dict[str, str]:
    pairs = (word.partition("=") for word in settings.CI_POD_ANNOTATIONS)
    return {name: value for name, sign, value in pairs if sign}


def _pod(agent: Agent, name: str, url: str, image: str) -> dict[str, Any]:
    brought = {"name": "agent", "mountPath": BROUGHT}
    run = ["agent", "run", "--once", "--url", url, "--token-file", f"{TOKEN}/token"]
    amounts = {key: value for key, value in (("cpu", agent.cpu), ("memory", agent.memory)) if value}
    resources = {"requests": amounts, "limits": amounts} if amounts else {}
    return {
        "restartPolicy": "Never",
        "serviceAccountName": ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": STOP_SECONDS,
        "securityContext": {
            "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [
            {
                "name": "agent",
                "image": agent.agent_image,
                "command": ["cp", "-R", f"{BROUGHT}/.", "/slipway-to/"],
                "volumeMounts": [{"name": "agent", "mountPath": "/slipway-to"}],
                "securityContext": _SECURITY,
                "resources": resources,
            }
        ],
        "containers": [
            {
                "name": "job",
                "image": image,
                "command": [f"{BROUGHT}/bin/slipway"],
                "args": [*run, "--dir", WORK],
                "env": [
                    {"name": "HOME", "value": WORK}, {"name": "TMPDIR", "value": WORK},
                    {"name": KEEP, "value": "1"},
                ],
                "workingDir": WORK,
                "volumeMounts": [
                    {**brought, "readOnly": True},
                    {"name": "work", "mountPath": WORK},
                    {"name": "token", "mountPath": TOKEN, "readOnly": True},
                ],
                "securityContext": _SECURITY,
                "resources": resources,
            }
        ],
        "volumes": [
            {"name": "agent", "emptyDir": {}},
            {"name": "work", "emptyDir": {}},
            {"name": "token", "secret": {"secretName": name, "defaultMode": 0o440}},
        ],
    }  # fmt: skip
