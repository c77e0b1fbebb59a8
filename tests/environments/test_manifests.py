"""Odd hand-written manifests: named with object, path and way out, never a crash of the judge."""

from __future__ import annotations

import pytest

from idp.common.errors import Invalid, Refusal
from idp.common.quantities import memory
from tests.environments.rendering import document, find, render

pytestmark = pytest.mark.django_db
_POD = "template: {spec: {containers: [{name: a, image: a%s}]}}"


def odd(spec: str, kind: str = "Deployment", metadata: str = "") -> dict[str, str]:
    api = "autoscaling/v2" if kind == "HorizontalPodAutoscaler" else "apps/v1"
    text = f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: odd{metadata}}}\nspec: {{{spec}}}\n"
    return {"manifests/a.yaml": text}


def pods(more: str = "", container: str = "") -> dict[str, str]:
    return odd(f"{more} {_POD % container}")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (pods("replicas: two,"), "spec.replicas: “two” is no number of pods"),
        (pods("replicas: -50,"), "spec.replicas: “-50” is no number of pods"),
        (pods("replicas: true,"), "spec.replicas: “True” is no number of pods"),
        (odd("template: 5"), "spec.template: “5” is no map"),
        (odd("template: {spec: {containers: {}}}"), "spec.containers: “{}” is no list"),
        (odd("template: {spec: {containers: [a]}}"), "containers[0]: “a” is no map"),
        (
            pods(container=", resources: {requests: {cpu: lots}}"),
            "spec.template.spec.containers[0].resources.requests.cpu: “lots” is not an amount",
        ),
        (odd("maxReplicas: 3", "HorizontalPodAutoscaler"), "spec.scaleTargetRef.kind: nothing"),
        (
            odd("scaleTargetRef: {kind: Deployment, name: a}", "HorizontalPodAutoscaler"),
            "spec.maxReplicas: nothing is no number",
        ),
        (odd("", metadata=", labels: {a: 1}"), "metadata.labels is no map of texts"),
        (odd("", metadata=", annotations: 3"), "metadata.annotations is no map of texts"),
    ],
)
def test_odd_manifests_are_named_with_the_path(files: dict[str, str], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        render(document(), files=files)
    assert words in caught.value.message
    assert "“odd”" in caught.value.message
    assert caught.value.fix


def test_what_is_left_empty_is_as_if_it_were_not_there() -> None:
    empty = odd(f"replicas: , {_POD % ', resources: '}", metadata=", labels: , annotations: ")
    assert render(document(), files=empty).facts == render(document(), files=pods()).facts


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {DB_PASSWORD: hunter2x}}",
            "ConfigMap “c”: data.DB_PASSWORD",
        ),
        (
            pods(container=", env: [{name: API_TOKEN, value: a1B2c3D4e5F6g7}]")["manifests/a.yaml"],
            "spec.template.spec.containers[0].env[0].value",
        ),
    ],
)
def test_a_secret_value_in_a_manifest_is_refused_where_it_stands(text: str, where: str) -> None:
    with pytest.raises(Refusal) as caught:
        render(document(), files={"manifests/a.yaml": text})
    assert where in caught.value.message
    assert "set secret" in caught.value.fix
    assert "hunter2x" not in caught.value.message


def test_the_quota_has_room_for_pods_that_get_the_namespaces_defaults() -> None:
    few, many = (render(document(), files=pods(f"replicas: {n},")) for n in (1, 51))
    (limits,) = find(many, "LimitRange")["spec"]["limits"]
    quotas = [find(each, "ResourceQuota")["spec"]["hard"] for each in (few, many)]

    def grown(key: str) -> int:
        return memory(quotas[1][key]) - memory(quotas[0][key])

    assert grown("limits.memory") >= 50 * memory(limits["default"]["memory"])
    assert grown("requests.memory") >= 50 * memory(limits["defaultRequest"]["memory"])


@pytest.mark.parametrize(
    ("pod", "at"),
    [
        ("hostNetwork: true", "hostNetwork"),
        ("hostPID: true", "hostPID"),
        ("hostIPC: true", "hostIPC"),
        ("volumes: [{name: v, hostPath: {path: /etc}}]", "volumes[0].hostPath"),
        (
            "initContainers: [{name: i, image: a, securityContext: {privileged: true}}]",
            "initContainers[0].securityContext.privileged",
        ),
    ],
)
def test_a_pod_with_power_over_its_node_is_refused_in_words(pod: str, at: str) -> None:
    containers = "containers: [{name: a, image: a}]"
    with pytest.raises(Refusal) as caught:
        render(document(), files=odd(f"template: {{spec: {{{pod}, {containers}}}}}"))
    assert f"Deployment “odd” sets spec.template.spec.{at}" in caught.value.message
    assert caught.value.fix


def test_what_refuses_power_over_the_node_passes() -> None:
    plain = "hostNetwork: false, hostPID: , containers: [{name: a, image: a,"
    plain += " securityContext: {privileged: false}}]"
    render(document(), files=odd(f"template: {{spec: {{{plain}}}}}"))
