"""What the shipped blueprints render to, and what `environment.yaml` may not say."""

from __future__ import annotations

from typing import Any

import pytest

from environments import library
from environments.models import BlueprintVersion
from environments.rendering.resources import aws_name, prefix_of
from gitops.renderers import AccountFacts
from idp.common.errors import Invalid, Refusal, SlipwayError
from tests.environments.rendering import IMAGE, document, find, kinds, render

pytestmark = pytest.mark.django_db
BASE = {
    "Namespace",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ServiceAccount",
    "Role",
    "RoleBinding",
}
RESOURCES = {
    "exports": {"kind": "Bucket"},
    "placed": {"kind": "Queue", "fifo": True, "deadLetter": {"maxReceives": 5}},
    "sessions": {"kind": "Table", "key": {"partition": "id", "sort": "at"}},
    "news": {"kind": "Topic", "subscriptions": [{"queue": "placed"}]},
}


def refusal(what: dict[str, Any] | str, **more: Any) -> SlipwayError:
    with pytest.raises(SlipwayError) as caught:
        render(what, **more)
    assert isinstance(caught.value, Invalid | Refusal)
    return caught.value


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec = workload["spec"]
    found = spec if "template" in spec else spec["jobTemplate"]["spec"]
    return found["template"]


def test_a_web_service_gets_a_guarded_namespace_and_an_address() -> None:
    rendered = render(document())
    assert kinds(rendered) == BASE | {"Deployment", "Service", "Ingress"}
    assert rendered.address == "https://staging.orders.apps.example.test"
    assert rendered.title == "orders/staging"
    labels = find(rendered, "Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["slipway.dev/project"] == "orders"
    policies = {d["metadata"]["name"] for d in rendered.documents if d["kind"] == "NetworkPolicy"}
    assert policies == {
        "default-deny", "allow-inside", "allow-dns", "allow-ingress-controller", "allow-aws",
    }  # fmt: skip
    ingress = find(rendered, "Ingress")["spec"]
    assert ingress["ingressClassName"] == "nginx"
    assert ingress["tls"][0]["hosts"] == ["staging.orders.apps.example.test"]


def test_every_document_stands_in_the_environments_own_namespace() -> None:
    rendered = render(document())
    for one in rendered.documents:
        metadata = one["metadata"]
        own = metadata["name"] if one["kind"] == "Namespace" else metadata["namespace"]
        assert own == "orders-staging-a1b2c3"


@pytest.mark.parametrize(
    ("blueprint", "kind"), [("web-service", "Deployment"), ("scheduled-job", "CronJob")]
)
def test_pods_hold_the_restricted_standard(blueprint: str, kind: str) -> None:
    template = pod(find(render(document(f"{blueprint}@1.0.0")), kind))["spec"]
    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"]["runAsNonRoot"] is True
    assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = template["containers"]
    assert container["image"] == IMAGE
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"] == {"cpu": "100m", "memory": "128Mi"}


def test_without_tls_the_address_is_plain_http() -> None:
    rendered = render(document(), tls_issuer="")
    assert rendered.address == "http://staging.orders.apps.example.test"
    assert not find(rendered, "Ingress")["spec"]["tls"]
    assert (
        "cert-manager.io/cluster-issuer" not in find(rendered, "Ingress")["metadata"]["annotations"]
    )


def test_a_private_service_has_no_ingress_and_no_address() -> None:
    rendered = render(document(parameters={"public": False}))
    assert "Ingress" not in kinds(rendered)
    assert rendered.address == ""


def test_an_autoscaler_owns_the_replicas() -> None:
    rendered = render(document(parameters={"autoscaling": {"enabled": True, "max": 6}}))
    assert "replicas" not in find(rendered, "Deployment")["spec"]
    scaler = find(rendered, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 6)
    assert rendered.facts["pods"] == 6


def test_stopped_means_no_pods_and_no_runs() -> None:
    rendered = render(document(parameters={"autoscaling": {"enabled": True}}, stopped=True))
    assert find(rendered, "Deployment")["spec"]["replicas"] == 0
    assert "HorizontalPodAutoscaler" not in kinds(rendered)
    job = find(render(document("scheduled-job@1.0.0", stopped=True)), "CronJob")
    assert job["spec"]["suspend"] is True


def test_restart_changes_the_pods_alone() -> None:
    before, after = render(document()), render(document(restartedAt="2026-11-22T12:00:00Z"))
    changed = [a["kind"] for a, b in zip(after.documents, before.documents, strict=True) if a != b]
    assert changed == ["Deployment"]
    annotations = pod(find(after, "Deployment"))["metadata"]["annotations"]
    assert annotations["slipway.dev/restarted-at"] == "2026-11-22T12:00:00Z"


def test_variables_and_secrets_reach_the_pods_by_reference() -> None:
    web = {"variables": {"A": "b"}, "secrets": {"STRIPE_KEY": "stripe-key@3"}, "replicas": 3}
    rendered = render(document(workloads={"web": web}))
    assert find(rendered, "ConfigMap", "web-variables")["data"] == {"A": "b"}
    secret = find(rendered, "Secret", "web-secrets")
    assert secret["stringData"] == {"STRIPE_KEY": "${secret:stripe-key@3}"}
    assert find(rendered, "Deployment")["spec"]["replicas"] == 3
    (container,) = pod(find(rendered, "Deployment"))["spec"]["containers"]
    assert container["envFrom"] == [
        {"configMapRef": {"name": "web-variables"}},
        {"secretRef": {"name": "web-secrets"}},
    ]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (
            {"workloads": {"web": {"variables": {"DB_PASSWORD": "hunter2hunter2"}}}},
            "spec.workloads.web.variables.DB_PASSWORD",
        ),
        ({"parameters": {"image": "ghp_" + "a1b2" * 9}}, "parameters.image"),
        (
            {"resources": {"q": {"kind": "Queue", "x": ["AKIA" + "A" * 16]}}},
            "spec.resources.q.x[0]",
        ),
    ],
)
def test_a_secret_value_is_refused_with_its_field_and_the_way_out(
    spec: dict[str, Any], field: str
) -> None:
    error = refusal(document(**spec))
    assert [(e.field, e.rule) for e in error.errors] == [(field, "secret")]
    assert "set secret" in error.fix
    assert "hunter2" not in error.message


def test_a_changed_variable_rolls_the_pods() -> None:
    def settings(value: str) -> str:
        rendered = render(document(workloads={"web": {"variables": {"A": value}}}))
        found = pod(find(rendered, "Deployment"))["metadata"]["annotations"]
        return str(found["slipway.dev/settings"])

    assert settings("1") != settings("2")


def test_resources_become_tagged_documents_and_a_role_of_their_own() -> None:
    rendered = render(
        document("web-service-aws@1.0.0", resources=RESOURCES, expiresAt="2099-12-01T00:00:00Z")
    )
    cloud = {d["kind"]: d for d in rendered.documents if "aws" in d["apiVersion"]}
    assert set(cloud) == {"Bucket", "Queue", "Table", "Topic", "Policy", "Role"}
    bucket = cloud["Bucket"]
    assert bucket["metadata"]["name"] == "orders-staging-a1b2c3-exports"
    assert bucket["metadata"]["labels"] == {
        "project": "orders", "environment": "staging", "owner": "orders-team",
    }  # fmt: skip
    annotations = bucket["metadata"]["annotations"]
    assert annotations["slipway.dev/expires-at"] == "2099-12-01T00:00:00Z"
    assert annotations["slipway.dev/output-prefix"] == "EXPORTS_BUCKET"
    assert annotations["slipway.dev/logical-name"] == "exports"
    assert bucket["spec"]["publicAccess"] is False
    assert cloud["Queue"]["metadata"]["name"] == "orders-staging-a1b2c3-placed.fifo"
    assert cloud["Topic"]["spec"]["subscriptions"] == [
        {"queue": "orders-staging-a1b2c3-placed.fifo"}
    ]
    assert cloud["Table"]["spec"]["attributes"] == {"id": "S", "at": "S"}


def test_the_role_reaches_only_the_environments_own_resources() -> None:
    rendered = render(document("web-service-aws@1.0.0", resources=RESOURCES))
    statements = find(rendered, "Policy")["spec"]["statements"]
    named = [arn for s in statements for arn in s["resources"]]
    assert all("orders-staging-a1b2c3-" in arn for arn in named)
    assert not any("*" in action for s in statements for action in s["actions"])
    role = next(d for d in rendered.documents if d["kind"] == "Role" and "aws" in d["apiVersion"])
    assert role["spec"]["trust"]["namespace"] == "orders-staging-a1b2c3"
    account = find(rendered, "ServiceAccount")["metadata"]["annotations"]
    assert account["eks.amazonaws.com/role-arn"] == "${Role/orders-staging-a1b2c3-workload.ARN}"
    (container,) = pod(find(rendered, "Deployment"))["spec"]["containers"]
    assert container["envFrom"][0] == {"secretRef": {"name": "slipway-outputs"}}


def test_without_an_oidc_provider_the_plan_says_that_nothing_can_be_reached() -> None:
    rendered = render(document("web-service-aws@1.0.0", resources=RESOURCES), oidc="")
    assert "names no OIDC provider" in rendered.notes[0]
    assert find(rendered, "ServiceAccount")["metadata"]["annotations"] == {}


def test_what_is_simulated_is_said() -> None:
    assert "is simulated: nothing really runs" in render(document(), simulated=True).notes[0]


def test_facts_say_what_the_environment_may_use() -> None:
    facts = render(document(parameters={"replicas": 3, "size": "medium"})).facts
    assert facts["cpu"] == 1.5
    assert facts["memory"] == 3 * 512 * 1024**2
    quota = find(render(document(parameters={"replicas": 3, "size": "medium"})), "ResourceQuota")[
        "spec"
    ]["hard"]
    assert quota["requests.cpu"] == "2500m"


def test_long_names_stay_inside_what_aws_takes() -> None:
    name = aws_name("n" * 48, "r" * 40, suffix=".fifo")
    assert len(name) == 63
    assert name.endswith(".fifo")
    assert name != aws_name("n" * 48, "r" * 39 + "x", suffix=".fifo")
    assert prefix_of("my-exports", "Bucket") == "MY_EXPORTS_BUCKET"


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"blueprnt": "x"}, "spec.blueprnt", "Did you mean “blueprint”?"),
        ({"tier": "production"}, "spec.tier", "Write staging"),
        ({"cluster": "other"}, "spec.cluster", "Write local"),
        ({"account": "other"}, "spec.account", "Write local"),
        ({"blueprint": "web-servic@1.0.0"}, "spec.blueprint", "“web-service”?"),
        ({"blueprint": "web-service@1.0.1"}, "spec.blueprint", "“1.0.0”?"),
        ({"expiresAt": "tomorrow"}, "spec.expiresAt", "2026-12-01T00:00:00Z"),
        ({"expiresAt": "2026-12-01T00:00:00"}, "spec.expiresAt", "2026-12-01T00:00:00Z"),
        ({"parameters": {"image": IMAGE, "imgae": 1}}, "parameters.imgae", "“image”?"),
        ({"parameters": {"image": "No Image"}}, "parameters.image", "match the pattern"),
        ({"parameters": {}}, "parameters.image", "Give a value"),
        ({"parameters": {"image": IMAGE, "replicas": 99}}, "parameters.replicas", "at most 20"),
        ({"workloads": {"wb": {}}}, "spec.workloads.wb", "“web”?"),
        ({"workloads": {"web": {"replica": 2}}}, "spec.workloads.web.replica", "“replicas”?"),
        ({"workloads": {"web": 3}}, "spec.workloads.web", ""),
        (
            {"workloads": {"web": {"secrets": {"K": "sk_live_123"}}}},
            "spec.workloads.web.secrets.K",
            "pattern",
        ),
        (
            {"workloads": {"web": {"secrets": {"K": "stripe-key@4"}}}},
            "spec.workloads.web.secrets.K",
            "set secret",
        ),
        ({"resources": {"x": {"kind": "Bucket"}}}, "resources", "web-service-aws"),
    ],
)
def test_what_environment_yaml_may_not_say(spec: dict[str, Any], field: str, words: str) -> None:
    what = document()
    what["spec"] |= spec
    error = refusal(what)
    assert error.errors[0].field == field
    assert words in error.errors[0].fix


@pytest.mark.parametrize(
    ("resource", "field", "words"),
    [
        ({"kind": "Database"}, "resources.x.kind", "cannot be made here"),
        ({"kind": "Bucket", "public": True}, "resources.x.public", "is not known"),
        ({"kind": "Queue", "visibilityTimeout": -1}, "resources.x.visibilityTimeout", "-1"),
        (
            {"kind": "Topic", "subscriptions": [{"queue": "no"}]},
            "resources.x.subscriptions[0].queue",
            "no queue “no”",
        ),
    ],
)
def test_what_a_resource_may_not_be(resource: dict[str, Any], field: str, words: str) -> None:
    error = refusal(document("web-service-aws@1.0.0", resources={"x": resource}))
    assert error.errors[0].field == field
    assert words in error.errors[0].message


def test_a_resource_needs_an_account_and_a_good_name() -> None:
    what = document("web-service-aws@1.0.0", resources={"X_1": {"kind": "Bucket"}})
    assert refusal(what).errors[0].field == "resources.X_1"
    what = document("web-service-aws@1.0.0", resources={"x": {"kind": "Bucket"}})
    del what["spec"]["account"]
    error = refusal(what, account=None)
    assert error.message == "Resources need a cloud account."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a", "no map"),
        ("a: [", "not YAML"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {}", "spec.tier"),
        ("a: &a [*a]", "alias"),
        ("x: " + "[" * 30 + "]" * 30, "deep"),
    ],
)
def test_hostile_yaml_is_refused(text: str, words: str) -> None:
    error = refusal(text)
    said = error.message + " ".join(e.field + e.message for e in error.errors)
    assert words in said


def test_a_document_for_another_directory_is_refused() -> None:
    what = document()
    what["metadata"]["name"] = "other"
    assert "differs from this environment's directory" in refusal(what).message


MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra%s}\n"


def test_raw_manifests_stand_beside_the_blueprint() -> None:
    rendered = render(document(), files={"manifests/a.yaml": MANIFEST % ""})
    found = find(rendered, "ConfigMap", "extra")
    assert found["metadata"]["namespace"] == "orders-staging-a1b2c3"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"manifests/a.yaml": MANIFEST % ", namespace: kube-system"}, "namespace “kube-system”"),
        ({"manifests/a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}"}, "never enter"),
        ({"manifests/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: s}"}, "may not make"),
        (
            {"manifests/a.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
             "metadata: {name: s}"},
            "may not make",
        ),
        ({"manifests/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}"}, "no metadata.name"),
        ({"manifests/a.yaml": "kind: ConfigMap"}, "without apiVersion"),
        ({"manifests/a.sh": "x"}, "no YAML file"),
        ({"script.sh": "x"}, "no file of an environment"),
        (
            {"manifests/a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {}"},
            "described twice",
        ),
        (
            {"manifests/a.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}"},
            "no pod template",
        ),
    ],
)  # fmt: skip
def test_what_raw_manifests_may_not_hold(files: dict[str, str], words: str) -> None:
    error = refusal(document(), files=files)
    assert words in error.message


def ingress(host: str = "", extra: str = "", more: str = "") -> dict[str, str]:
    rule = f"host: {host}" if host else "http: {paths: []}"
    header = f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: door{extra}}}"
    return {"manifests/a.yaml": f"{header}\nspec:\n  rules: [{{{rule}}}]\n{more}"}


def raw(kind: str, metadata: str, spec: str = "{}", api: str = "v1") -> dict[str, str]:
    text = f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x{metadata}}}\nspec: {spec}\n"
    return {"manifests/a.yaml": text}


OWN = "staging.orders.apps.example.test"


@pytest.mark.parametrize("host", [OWN, f"admin.{OWN}", f"'*.{OWN}'"])
def test_a_raw_ingress_serves_the_environments_own_address(host: str) -> None:
    rendered = render(document(), files=ingress(host))
    assert find(rendered, "Ingress", "door")["spec"]["rules"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (ingress("prod.orders.apps.example.test"), "claims “prod.orders.apps.example.test”"),
        (ingress(f"not{OWN}"), "which is not this environment's"),
        (ingress(OWN, more="  tls: [{hosts: [x.example.org]}]\n"), "claims “x.example.org”"),
        (ingress(), "names no host"),
        (ingress(OWN, more="  defaultBackend: {service: {name: web}}\n"), "takes every address"),
        (
            ingress(OWN, ", annotations: {nginx.ingress.kubernetes.io/server-alias: x.example}"),
            "sets the annotation nginx.ingress.kubernetes.io/server-alias",
        ),
        (raw("Service", "", "{externalIPs: [10.0.0.1]}"), "claims externalIPs"),
        (raw("Service", ", finalizers: [x.y/never]"), "Service “x” sets metadata.finalizers"),
        (raw("Service", ", ownerReferences: [{name: y}]"), "sets metadata.ownerReferences"),
        (
            raw("CronJob", "", "{jobTemplate: {metadata: {finalizers: [x.y/z]}}}", "batch/v1"),
            "CronJob “x” sets metadata.finalizers",
        ),
    ],
)
def test_a_raw_manifest_claims_no_other_address_and_can_be_removed(
    files: dict[str, str], words: str
) -> None:
    error = refusal(document(), files=files)
    assert words in error.message
    assert error.fix


def test_no_queue_takes_the_name_of_anothers_dead_letters() -> None:
    queue = {"kind": "Queue"}
    both = {"jobs": {**queue, "deadLetter": {"maxReceives": 3}}, "jobs-dead": queue}
    error = refusal(document("web-service-aws@1.0.0", resources=both))
    assert "“jobs-dead” is the name of the dead-letter queue of “jobs”" in error.message
    render(document("web-service-aws@1.0.0", resources={"jobs": queue, "jobs-dead": queue}))


def test_policies_in_china_name_its_own_arns() -> None:
    found = {"exports": {"kind": "Bucket"}, "jobs": {"kind": "Queue"}}
    account = AccountFacts("china", "cn-north-1")
    what = document("web-service-aws@1.0.0", account="china", resources=found)
    rendered = render(what, account=account)
    policy = find(rendered, "Policy", "orders-staging-a1b2c3-workload")
    named = [arn for each in policy["spec"]["statements"] for arn in each["resources"]]
    assert named == [
        "arn:aws-cn:s3:::orders-staging-a1b2c3-exports",
        "arn:aws-cn:s3:::orders-staging-a1b2c3-exports/*",
        "arn:aws-cn:sqs:cn-north-1:*:orders-staging-a1b2c3-jobs",
    ]


def test_a_secret_value_reaches_secrets_manager_by_reference_only() -> None:
    found = {"stripe": {"kind": "SecretValue", "ref": "stripe-key@3"}}
    rendered = render(document("web-service-aws@1.0.0", resources=found))
    name = "orders-staging-a1b2c3-stripe"
    secret = find(rendered, "SecretValue", name)
    assert secret["spec"] == {"ref": "stripe-key@3"}
    assert secret["metadata"]["annotations"]["slipway.dev/output-prefix"] == "STRIPE_SECRETVALUE"
    (statement,) = find(rendered, "Policy", "orders-staging-a1b2c3-workload")["spec"]["statements"]
    assert statement["actions"][0] == "secretsmanager:GetSecretValue"
    arn = f"arn:aws:secretsmanager:eu-central-1:*:secret:{name}-??????"
    assert statement["resources"] == [arn]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"ref": "stripe-key@9"}, "There is no version 9 of secret “stripe-key” here."),
        ({}, "ref"),
        ({"ref": "hunter2"}, "ref"),
    ],
)
def test_a_secret_value_names_a_version_that_exists(spec: dict[str, str], words: str) -> None:
    resources = {"stripe": {"kind": "SecretValue", **spec}}
    error = refusal(document("web-service-aws@1.0.0", resources=resources))
    assert words in f"{error.message} {error.errors}"


def test_the_shipped_blueprints_are_published_once() -> None:
    names = {"web-service", "web-service-aws", "scheduled-job"}
    assert {item.name for item in library.shipped()} == names
    before = set(BlueprintVersion.objects.values_list("pk", "digest"))
    library.publish_shipped()
    assert set(BlueprintVersion.objects.values_list("pk", "digest")) == before
    assert all(v.published_at for v in BlueprintVersion.objects.all())
