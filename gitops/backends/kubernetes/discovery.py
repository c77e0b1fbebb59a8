"""Which path serves a kind: asked of the API server once a group-version, and kept a while."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import quote

from gitops.backends.base import ObjectRef
from gitops.backends.kubernetes.http import Api
from idp.common.errors import NotFound, PermanentBackendError

_KEPT = 600.0  # seconds; an unknown kind is asked for anew (a CRD may just have come)


@dataclass(frozen=True)
class Mapped:
    base: str  # "/apis/apps/v1"
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        middle = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        return f"{self.base}{middle}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class Discovery:
    def __init__(self, api: Api) -> None:
        self.api = api
        self._known: dict[str, tuple[float, dict[str, Mapped]]] = {}

    def find(self, api_version: str, kind: str) -> Mapped:
        """Raises PermanentBackendError where the cluster does not serve the kind."""
        at, kinds = self._known.get(api_version, (0.0, {}))
        if kind not in kinds or time.monotonic() - at > _KEPT:
            kinds = self._ask(api_version)
            self._known[api_version] = (time.monotonic(), kinds)
        if kind not in kinds:
            raise PermanentBackendError(
                f"Cluster {self.api.cluster} knows no kind {kind} in {api_version}.",
                fix="Check apiVersion and kind, or install the CustomResourceDefinition first.",
            )
        return kinds[kind]

    def _ask(self, api_version: str) -> dict[str, Mapped]:
        base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer = self.api.call("GET", base)
        except NotFound:
            return {}
        return {
            each["kind"]: Mapped(base, each["name"], each["namespaced"])
            for each in answer.get("resources", [])
            if "/" not in each["name"]
        }

    def path_of(self, ref: ObjectRef) -> str:
        """The object's address; raises where it has a namespace too few or too many."""
        mapped = self.find(ref.api_version, ref.kind)
        if mapped.namespaced != bool(ref.namespace):
            rule = "lives in a namespace" if mapped.namespaced else "lives in no namespace"
            raise PermanentBackendError(
                f"{ref}: {ref.kind} {rule}.", fix="Correct metadata.namespace."
            )
        return mapped.path(ref.namespace, ref.name)
