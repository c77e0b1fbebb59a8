"""Pages of clusters and accounts: what is registered, and whether it can be reached."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gitops import connections, giving_up, selectors
from gitops.models import Application, CloudAccount, Cluster
from idp.common.errors import Clash, Invalid, SlipwayError
from idp.common.host import Page
from rbac.access import can, get_visible, require
from rbac.views import AccessMixin

_SHOWN = 100


def _tell(request: HttpRequest, name: str, bad: int, well: str) -> None:
    if bad:
        messages.warning(request, f"{name}: {bad} of the checks failed. Each says what to do.")
    else:
        messages.success(request, f"{name} answers. {well}")


class Clusters(AccessMixin):
    permission = "cluster.view"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": Page("Clusters", api="/api/v1/clusters/", permission=self.permission),
            "rows": selectors.clusters(self.actor),
            "kind": "cluster",
            "may_manage": can(self.actor, "cluster.manage", None),
            "add": reverse("admin:gitops_cluster_add"),
        }
        return render(request, "gitops/places.html", context)


class Accounts(AccessMixin):
    permission = "account.view"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": Page("Accounts", api="/api/v1/accounts/", permission=self.permission),
            "rows": selectors.accounts(self.actor),
            "kind": "account",
            "may_manage": can(self.actor, "account.manage", None),
            "add": reverse("admin:gitops_cloudaccount_add"),
        }
        return render(request, "gitops/places.html", context)


class ClusterPage(AccessMixin):
    """One cluster; POST tests the connection."""

    permissions = {"GET": "cluster.view", "POST": "cluster.manage"}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        row = get_visible(self.actor, "cluster.view", selectors.clusters(self.actor), name=name)
        facts = [
            ("Backend", row.get_backend_display()),
            ("Domain", row.domain),
            ("Ingress class", row.ingress_class or "the cluster's own"),
            ("TLS", row.tls_issuer or "none: addresses are http"),
            ("OIDC issuer", row.oidc_issuer or "none: workloads get no cloud role"),
            ("Tiers", ", ".join(row.tiers) or "all"),
        ]
        return render(request, "gitops/place.html", self._context(row, facts))

    def _context(self, row: Cluster, facts: list[tuple[str, str]]) -> dict[str, Any]:
        return {
            "page": Page(
                row.name,
                [("Clusters", reverse("gitops:clusters"))],
                api=f"/api/v1/clusters/{row.name}/",
                permission="cluster.view",
                nav="gitops:clusters",
            ),
            "row": row,
            "facts": facts,
            "applications": _applications(self, cluster=row),
            "may_manage": can(self.actor, "cluster.manage", None),
            "may_give_up": can(self.actor, "application.give-up", None),
            "edit": reverse("admin:gitops_cluster_change", args=[row.pk]),
        }

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        row = get_visible(self.actor, "cluster.view", Cluster.objects.all(), name=name)
        found = connections.test_cluster(self.actor, row)
        bad = sum(not finding.ok for finding in found)
        _tell(request, row.name, bad, "It allows what Slipway needs.")
        return redirect("gitops:cluster", name=row.name)


class AccountPage(AccessMixin):
    """One cloud account; POST tests the connection."""

    permissions = {"GET": "account.view", "POST": "account.manage"}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        row = get_visible(self.actor, "account.view", selectors.accounts(self.actor), name=name)
        facts = [
            ("Region", row.region),
            ("Role", row.role_arn or "none: the credentials' own rights"),
            ("Endpoint", row.endpoint_url or "AWS itself"),
            ("Tiers", ", ".join(row.tiers) or "all"),
        ]
        context = {
            "page": Page(
                row.name,
                [("Accounts", reverse("gitops:accounts"))],
                api=f"/api/v1/accounts/{row.name}/",
                permission="account.view",
                nav="gitops:accounts",
            ),
            "row": row,
            "facts": facts,
            "applications": _applications(self, account=row),
            "may_manage": can(self.actor, "account.manage", None),
            "may_give_up": can(self.actor, "application.give-up", None),
            "edit": reverse("admin:gitops_cloudaccount_change", args=[row.pk]),
        }
        return render(request, "gitops/place.html", context)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        row = get_visible(self.actor, "account.view", CloudAccount.objects.all(), name=name)
        found = connections.test_account(self.actor, row)
        bad = sum(not finding.ok for finding in found)
        _tell(request, row.name, bad, "It may be read; writing is tried when something is made.")
        return redirect("gitops:account", name=row.name)


class GiveUpForm(forms.Form):
    confirm = forms.CharField(
        label="Its name", max_length=130, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    message = forms.CharField(
        label="Why",
        max_length=300,
        help_text="Stands in the history, in git and in the audit trail.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def take(self, error: SlipwayError) -> None:
        """Say what a service refused beside the field that it names."""
        for wrong in error.errors:
            self.add_error(wrong.field if wrong.field in self.fields else None, wrong.message)
        if not error.errors:
            self.add_error(None, f"{error.message} {error.fix}".strip())


class GiveUp(AccessMixin):
    """End an environment whose cluster or account is gone: GET asks, POST goes on to the plan."""

    permission = "application.give-up"

    def get(self, request: HttpRequest, project: str, name: str) -> HttpResponse:
        return self._show(request, self._open(project, name), GiveUpForm())

    def post(self, request: HttpRequest, project: str, name: str) -> HttpResponse:
        row, form = self._open(project, name), GiveUpForm(request.POST)
        if form.is_valid():
            try:
                change = giving_up.give_up(self.actor, row, **form.cleaned_data, origin="page")
            except (Invalid, Clash) as error:
                form.take(error)
            else:
                return redirect("changes:plan", change.pk)
        return self._show(request, row, form, status=422)

    def _open(self, project: str, name: str) -> Application:
        row = selectors.application(self.actor, project, name)
        require(self.actor, self.permission, row.scope)
        return row

    def _show(
        self, request: HttpRequest, row: Application, form: GiveUpForm, status: int = 200
    ) -> HttpResponse:
        place = row.cluster
        context = {
            "page": Page(
                f"Give up {row.scope}",
                [
                    ("Clusters", reverse("gitops:clusters")),
                    (place.name, reverse("gitops:cluster", args=[place.name])),
                ],
                api="",
                permission=self.permission,
                nav="gitops:clusters",
            ),
            "row": row,
            "name": f"{row.repository.project.name}/{row.scope.name}",
            "objects": selectors.live_objects(row),
            "form": form,
        }
        return render(request, "gitops/give_up.html", context, status=status)


def _applications(view: AccessMixin, **where: object) -> list[Application]:
    return list(selectors.applications(view.actor).filter(**where)[:_SHOWN])
