"""Blueprints: what there is, and what each version asks and makes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from environments import selectors
from environments.models import Blueprint, Environment
from idp.common.host import Page
from rbac.access import get_visible, held_anywhere, visible
from rbac.views.mixins import AccessMixin


class BlueprintListView(AccessMixin):
    permission = "blueprint.view"

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": Page("Blueprints", api="/api/v1/blueprints/", permission=self.permission),
            "versions": selectors.blueprint_versions(),
            "may_create": held_anywhere(self.actor, "environment.create"),
        }
        return render(request, "environments/blueprints.html", context)


class BlueprintView(AccessMixin):
    permission = "blueprint.view"

    def get(self, request: HttpRequest, blueprint: str) -> HttpResponse:
        rows = Blueprint.objects.select_related("owner")
        row = get_visible(self.actor, self.permission, rows, name=blueprint)
        versions = list(row.versions.exclude(published_at=None).order_by("-id")[:100])
        users = visible(self.actor, "environment.view", Environment.objects.all())
        context = {
            "page": Page(
                row.title,
                [("Blueprints", reverse("environments:blueprints"))],
                api=f"/api/v1/blueprints/{row.name}/versions/",
                permission=self.permission,
            ),
            "blueprint": row,
            "versions": versions,
            "newest": versions[0] if versions else None,
            "used": users.filter(blueprint_version__blueprint=row)
            .exclude(state=Environment.State.DELETED)
            .count(),
            "may_create": held_anywhere(self.actor, "environment.create"),
        }
        return render(request, "environments/blueprint.html", context)
