from django.urls import path

from pipelines.oidc.views import JWKS, DiscoveryView, KeysView

urlpatterns = [
    path(".well-known/openid-configuration", DiscoveryView.as_view(), name="oidc-discovery"),
    path(JWKS.removeprefix("/"), KeysView.as_view(), name="oidc-keys"),
]
