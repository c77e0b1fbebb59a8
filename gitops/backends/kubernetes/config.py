"""From a kubeconfig's text to a connection; what would run a program or read a file is refused."""

from __future__ import annotations

import ssl
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from kubernetes.config.kube_config import new_client_from_config_dict

from idp.common import yaml
from idp.common.errors import Invalid, PermanentBackendError

POOL = 16
_connect: Callable[[dict[str, Any]], ApiClient] = new_client_from_config_dict
_FILES = {
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "certificate-authority": "certificate-authority-data",
    "tokenFile": "token",
}
_PROGRAMS = ("exec", "auth-provider")


def read(text: str) -> dict[str, Any]:
    """The kubeconfig as a dict, reduced to its current context. Raises PermanentBackendError."""
    try:
        config = yaml.load(text)
    except Invalid as exc:
        raise _wrong(f"it is not YAML: {exc.message}", "Paste the whole kubeconfig.") from exc
    if not isinstance(config, Mapping) or not config.get("clusters"):
        raise _wrong("it names no cluster", "Paste the whole kubeconfig.")
    if config.get("kind", "Config") != "Config":
        raise _wrong(f"it is a {config['kind']}", "Paste `kubectl config view --raw`.")
    current = config.get("current-context")
    context = _named(config, "contexts", current, "context")
    user = _named(config, "users", context.get("user"), "user")
    cluster = _named(config, "clusters", context.get("cluster"), "cluster")
    for key in _PROGRAMS:
        if key in user:
            raise _wrong(
                f"user {context.get('user')} signs in by a program ({key}), which Slipway never"
                " does",
                "Use a client certificate or the token of a service account.",
            )
    for key, instead in _FILES.items():
        if key in user or key in cluster:
            raise _wrong(
                f"{key} names a file",
                f"Put the content itself under {instead}"
                " (kubectl config view --flatten --raw --minify).",
            )
    server = str(cluster.get("server", ""))
    if not server.startswith("https://"):
        raise _wrong(f"server “{server[:80]}” is not an https address", "Use https.")
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "slipway",
        "contexts": [{"name": "slipway", "context": {"cluster": "slipway", "user": "slipway"}}],
        "clusters": [{"name": "slipway", "cluster": dict(cluster)}],
        "users": [{"name": "slipway", "user": dict(user)}],
    }


def _named(config: Mapping[str, Any], part: str, name: Any, key: str) -> Mapping[str, Any]:
    for each in config.get(part) or []:
        if isinstance(each, Mapping) and each.get("name") == name:
            found = each.get(key)
            return found if isinstance(found, Mapping) else {}
    raise _wrong(f"{part} has no “{name}”", "Set current-context to a complete context.")


def _wrong(reason: str, fix: str) -> PermanentBackendError:
    return PermanentBackendError(f"The kubeconfig cannot be used: {reason}.", fix=fix)


def client(text: str) -> ApiClient:
    """The official client, its credentials and pool set up. Raises PermanentBackendError."""
    config = read(text)
    try:
        context = _tls(config["clusters"][0]["cluster"], config["users"][0]["user"])
        made: ApiClient = _connect(config)
    except (ConfigException, ApiException, ValueError, OSError) as exc:
        raise _wrong(str(exc)[:300], "Paste it again as kubectl prints it.") from exc
    made.rest_client.pool_manager.connection_pool_kw |= {"maxsize": POOL, "ssl_context": context}
    return made


def _tls(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    """TLS by the kubeconfig's CA and client certificate, which are taken out of it.

    The client library would write them to files in /tmp that stay while the process lives.
    """
    authority = cluster.pop("certificate-authority-data", "")
    pair = [user.pop(f"client-{part}-data", "") for part in ("certificate", "key")]
    trusted = b64decode(authority).decode("ascii") if authority else None
    context = ssl.create_default_context(cadata=trusted)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if all(pair):
        # OpenSSL takes a client's key from a file only: a private one, gone once it is read.
        with TemporaryDirectory(prefix="slipway-") as private:
            path = Path(private) / "client.pem"
            path.touch(0o600)
            path.write_bytes(b"\n".join(b64decode(part) for part in pair))
            context.load_cert_chain(path)
    return context
