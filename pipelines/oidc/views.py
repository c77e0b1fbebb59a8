"""What whoever is shown a job's token asks: who signs (discovery), and by which keys.

https://openid.net/specs/openid-connect-discovery-1_0.html, RFC 7517
"""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, JsonResponse
from django.views.generic.base import View

from pipelines.oidc import keys, tokens

JWKS = "/.well-known/jwks.json"
CACHED = "public, max-age=300"
_CLAIMS = [
    "aud", "environment", "exp", "iat", "iss", "job_id", "jti", "nbf", "pipeline_id",
    "pipeline_source", "project_id", "project_path", "ref", "ref_protected", "ref_type", "sha",
    "sub", "user_id", "user_login",
]  # fmt: skip


class DiscoveryView(View):
    public: ClassVar[str] = "Clouds that trust jobs read it without an account; nothing is secret."

    def get(self, _: HttpRequest) -> JsonResponse:
        base = tokens.issuer()
        body = {
            "issuer": base,
            "jwks_uri": f"{base}{JWKS}",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": _CLAIMS,
        }
        return JsonResponse(body, headers={"Cache-Control": CACHED})


class KeysView(View):
    public: ClassVar[str] = "Public keys are for everybody who proves what a job shows them."

    def get(self, _: HttpRequest) -> JsonResponse:
        return JsonResponse({"keys": keys.served()}, headers={"Cache-Control": CACHED})
