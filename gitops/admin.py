"""The admin site's clusters and accounts: registered here, decided and audited like all else.

Credentials go in and never come out: their fields are empty, and empty keeps what is stored.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from gitops import connections, registering
from gitops.hosted import services as hosted
from gitops.models import (
    Application,
    CloudAccount,
    Cluster,
    ConfigRepository,
    HostConnection,
    HostedRepository,
)
from idp.common.errors import Invalid
from rbac.admin import AuditedAdmin
from rbac.requests import actor_of

_KEEP = "Write-only. Leave it empty to keep what is stored."


class WriteOnly(forms.ModelForm):
    """A form whose `hidden` fields show nothing; JSON ones are checked to be objects."""

    hidden: ClassVar[tuple[str, ...]] = ()
    as_json: ClassVar[frozenset[str]] = frozenset()

    def check(self) -> None:
        """Raise `Invalid` for an instance that could not work."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.hidden:
            widget = UnfoldAdminTextareaWidget(attrs={"rows": 6, "autocomplete": "off"})
            self.fields[name] = forms.CharField(required=False, widget=widget, help_text=_KEEP)
            self.initial[name] = ""
        if "tiers" in self.fields:
            self.fields["tiers"].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.hidden:
            text = cleaned.get(name, "")
            if not text:
                cleaned[name] = getattr(self.instance, name)
            elif name in self.as_json:
                cleaned[name] = self._object(name, text)
        if cleaned.get("tiers") is None:
            cleaned["tiers"] = []
        return cleaned

    def _object(self, name: str, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            self.add_error(name, "It must be a JSON object.")
            return {}
        return found

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, missing in the stubs
        if self.errors:
            return
        try:
            self.check()
        except Invalid as error:
            if not error.errors:
                self.add_error(None, f"{error.message} {error.fix}".strip())
            for wrong in error.errors:
                field = wrong.field if wrong.field in self.fields else None
                self.add_error(field, ValidationError(f"{wrong.message} {wrong.fix}".strip()))


class ClusterForm(WriteOnly):
    hidden = ("kubeconfig", "pull_secrets")
    as_json = frozenset({"pull_secrets"})

    def check(self) -> None:
        connections.check_cluster(self.instance)

    class Meta:
        model = Cluster
        fields = (
            "name",
            "backend",
            "kubeconfig",
            "domain",
            "ingress_class",
            "ingress_namespace",
            "tls_issuer",
            "pull_secrets",
            "oidc_provider_arn",
            "oidc_issuer",
            "tiers",
            "active",
        )


class AccountForm(WriteOnly):
    hidden = ("credentials",)
    as_json = frozenset({"credentials"})

    def check(self) -> None:
        connections.check_account(self.instance)

    class Meta:
        model = CloudAccount
        fields = (
            "name",
            "region",
            "credentials",
            "role_arn",
            "endpoint_url",
            "simulated",
            "tiers",
            "active",
        )


class Tested(AuditedAdmin):
    """Adds "test the connection" to an object's page; what is in use is not deleted."""

    page: ClassVar[str] = ""
    list_display = ("name", "active", "reachable_now", "checked_at")
    list_filter = ("active",)
    search_fields = ("name",)
    actions_detail = ("test_connection",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return registering.fixed_fields(obj) if obj is not None else ()

    def perform_add(self, request: HttpRequest, obj: Any, form: Any) -> None:
        registering.save(self.actor(request), obj)

    def perform_change(self, request: HttpRequest, obj: Any, form: Any) -> None:
        registering.save(self.actor(request), obj)

    def perform_delete(self, request: HttpRequest, obj: Any) -> None:
        registering.remove(self.actor(request), obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        used = obj is not None and obj.applications.exists()
        return not used and super().has_delete_permission(request, obj)

    @admin.display(description="Answers", boolean=True)
    def reachable_now(self, obj: Cluster | CloudAccount) -> bool | None:
        return obj.reachable if obj.checked_at else None

    def _test(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.get_object(request, str(pk))
        if row is None:
            return HttpResponseRedirect(reverse("admin:index"))
        actor = actor_of(request)
        if isinstance(row, Cluster):
            found = connections.test_cluster(actor, row)
        else:
            found = connections.test_account(actor, row)
        for finding in found:
            text = f"{finding.check}: {finding.message} {finding.fix}".strip()
            messages.add_message(request, messages.SUCCESS if finding.ok else messages.ERROR, text)
        return HttpResponseRedirect(reverse(f"admin:gitops_{self.page}_change", args=[row.pk]))

    @action(description="Test the connection", url_path="test")  # type: ignore[untyped-decorator]  # unfold has no types
    def test_connection(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._test(request, object_id)


@admin.register(Cluster)
class ClusterAdmin(Tested):
    page = "cluster"
    view_permission = "cluster.view"
    add_permission = change_permission = delete_permission = "cluster.manage"
    form = ClusterForm
    secret_fields = ("kubeconfig", "pull_secrets")


@admin.register(CloudAccount)
class CloudAccountAdmin(Tested):
    page = "cloudaccount"
    view_permission = "account.view"
    add_permission = change_permission = delete_permission = "account.manage"
    form = AccountForm
    secret_fields = ("credentials",)


@admin.register(ConfigRepository)
class ConfigRepositoryAdmin(AuditedAdmin):
    """To look and search; changes go by git."""

    view_permission = "repository.read"
    list_display = ("project", "created_at", "seen_commit")
    search_fields = ("project__name",)


@admin.register(Application)
class ApplicationAdmin(AuditedAdmin):
    """To look and search; changes go by the portal, REST or git."""

    view_permission = "application.view"
    list_display = ("__str__", "cluster", "namespace", "sync", "health", "observed_at")
    list_filter = ("cluster", "sync", "health")
    search_fields = ("directory", "namespace", "repository__project__name")
    list_select_related = ("repository__project", "cluster")


class ConnectionForm(WriteOnly):
    """Secrets go in and never come out; the service judges the rest."""

    hidden = ("token", "webhook_secret")

    class Meta:
        model = HostConnection
        fields = ("kind", "base_url", "token", "webhook_secret")


@admin.register(HostConnection)
class HostConnectionAdmin(AuditedAdmin):
    """Changed here as on the project's page; connected and disconnected there or by REST."""

    view_permission = "repository.read"
    change_permission = hosted.CONNECT
    form = ConnectionForm
    secret_fields = ("token", "webhook_secret")
    list_display = ("project", "kind", "base_url", "created_at")
    list_filter = ("kind",)
    search_fields = ("project__name", "base_url")
    list_select_related = ("project__scope",)

    def perform_change(self, request: HttpRequest, obj: Any, form: Any) -> None:
        row = obj.repositories.select_related("project__scope").get()
        given = {name: form.data.get(name, "").strip() for name in ("token", "webhook_secret")}
        hosted.connect(
            self.actor(request),
            row.project,
            kind=obj.kind,
            base_url=obj.base_url,
            path=row.path,
            **given,
        )


@admin.register(HostedRepository)
class HostedRepositoryAdmin(AuditedAdmin):
    """To look and search; changes go by the project's page or REST."""

    view_permission = "repository.read"
    list_display = ("project", "path", "default_branch", "looked_at", "problem")
    search_fields = ("project__name", "path")
    list_select_related = ("project__scope", "connection")
    exclude = (
        *("lease_token", "lease_holder", "lease_until", "attempts", "not_before"),
        *("sent_at", "sends", "resend_at"),
    )
