"""The list of policies, and the page of one with what fails it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from rbac.access import can, held_anywhere
from rbac.views.mixins import AccessMixin
from schemas.addresses import page_of
from schemas.permissions import POLICY_MANAGE, POLICY_VIEW
from schemas.policies import selectors
from schemas.policies.models import SchemaPolicy
from schemas.policies.rules import Rules

LOOKS = {"off": "skipped", "warn": "waits", "enforce": "passed"}
MAX_ROWS = 200


class Policies(AccessMixin):
    permission = POLICY_VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = list(selectors.policies(self.actor)[:MAX_ROWS])
        context = {
            "page": Page(
                "Schema policies",
                [("Schemas", reverse("schemas:list"))],
                api="/api/v1/schema-policies/",
                permission=self.permission,
                nav="schemas:list",
            ),
            "rows": [
                {
                    "policy": row,
                    "sentences": Rules.from_json(row.rules).sentences,
                    "look": LOOKS[row.mode],
                }
                for row in rows
            ],
            "allowed": bool(rows) or held_anywhere(self.actor, self.permission),
            "may_add": held_anywhere(self.actor, POLICY_MANAGE),
        }
        return render(request, "schemas/policies/list.html", context)


class PolicyPage(AccessMixin):
    permission = POLICY_VIEW

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        row = selectors.policy(self.actor, name)
        found = list(selectors.failures(self.actor, row)[: MAX_ROWS + 1])
        context = {
            "page": page(row),
            "policy": row,
            "sentences": Rules.from_json(row.rules).sentences,
            "look": LOOKS[row.mode],
            "failures": [(one, page_of(one.subject)) for one in found[:MAX_ROWS]],
            "more": len(found) > MAX_ROWS,
            "may_change": can(self.actor, POLICY_MANAGE, row.scope),
        }
        return render(request, "schemas/policies/policy.html", context)


def page(row: SchemaPolicy, title: str = "") -> Page:
    """The frame of a page about one policy."""
    above = [("Schemas", reverse("schemas:list")), ("Policies", reverse("schemas:policies"))]
    if title:
        above.append((row.name, reverse("schemas:policy", args=[row.name])))
    return Page(
        title or row.name,
        above,
        api=reverse("schema-policy", args=[row.name]),
        permission=POLICY_MANAGE if title else POLICY_VIEW,
        nav="schemas:list",
    )
