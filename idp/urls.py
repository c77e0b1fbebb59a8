"""Every address of the product, app by app."""

from importlib import import_module

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.utils.module_loading import module_has_submodule

from idp import health, rest

APPS = ("rbac", "idp.changes", "gitops", "schemas", "environments", "pipelines", "portal")


def _of_apps(package: str) -> list[URLPattern | URLResolver]:
    """What each app's `<package>urls` module names, for those that have one."""
    found: list[URLPattern | URLResolver] = []
    for app in APPS:
        parent = import_module(f"{app}.{package}".rstrip(".")) if _has(app, package) else None
        if parent is not None and module_has_submodule(parent, "urls"):
            found.append(path("", include(f"{parent.__name__}.urls")))
    return found


def _has(app: str, package: str) -> bool:
    return not package or module_has_submodule(import_module(app), package)


urlpatterns = [
    path("healthz", health.Live.as_view(), name="healthz"),
    path("readyz", health.Ready.as_view(), name="readyz"),
    path("metrics", health.Metrics.as_view(), name="metrics"),
    path("admin/", admin.site.urls),
    path("api/v1/", rest.Root.as_view(), name="api-root"),
    path("api/v1/schema/", rest.Schema.as_view(), name="api-schema"),
    path("api/v1/docs/", rest.Console.as_view(), name="api-console"),
    path("api/v1/", include(_of_apps("api"))),
    *_of_apps(""),
]

handler400 = "idp.common.pages.bad_request"
handler403 = "idp.common.pages.permission_denied"
handler404 = "idp.common.pages.page_not_found"
handler500 = "idp.common.pages.server_error"
