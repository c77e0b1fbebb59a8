"""Directories and contexts for tests of rendering."""

from __future__ import annotations

from typing import Any

from environments.rendering.renderer import EnvironmentRenderer
from gitops.renderers import AccountFacts, ClusterFacts, RenderContext, Rendered
from idp.common import yaml

IMAGE = "registry.example.com/orders/api:1.4.2"


def context(**more: Any) -> RenderContext:
    cluster = ClusterFacts(
        name="local",
        domain="apps.example.test",
        ingress_class="nginx",
        ingress_namespace="ingress-nginx",
        tls_issuer=more.pop("tls_issuer", "letsencrypt"),
        oidc_provider_arn=more.pop("oidc", "arn:aws:iam::000000000000:oidc-provider/oidc.test"),
        oidc_issuer="https://oidc.test",
        simulated=more.pop("simulated", False),
    )
    plain = {
        "project": "orders",
        "environment": "staging",
        "tier": "staging",
        "namespace": "orders-staging-a1b2c3",
        "cluster": cluster,
        "account": AccountFacts("local", "eu-central-1"),
        "team": "orders-team",
        "has_secret": lambda name, version: (name, version) == ("stripe-key", 3),
    }
    return RenderContext(**{**plain, **more})


def document(blueprint: str = "web-service@1.0.0", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "Environment",
        "metadata": {"name": "staging"},
        "spec": {
            "tier": "staging",
            "cluster": "local",
            "account": "local",
            "blueprint": blueprint,
            "parameters": {"image": IMAGE, **spec.pop("parameters", {})},
            **spec,
        },
    }


def render(
    what: dict[str, Any] | str, files: dict[str, str] | None = None, **more: Any
) -> Rendered:
    text = what if isinstance(what, str) else yaml.dump(what)
    all_files = {"environment.yaml": text, **(files or {})}
    encoded = {name: body.encode() for name, body in all_files.items()}
    return EnvironmentRenderer().render(encoded, context(**more))


def find(rendered: Rendered, kind: str, name: str = "") -> dict[str, Any]:
    found = [
        d for d in rendered.documents if d["kind"] == kind and name in {"", d["metadata"]["name"]}
    ]
    assert len(found) == 1, [d["metadata"]["name"] for d in found]
    return found[0]


def kinds(rendered: Rendered) -> set[str]:
    return {d["kind"] for d in rendered.documents}
