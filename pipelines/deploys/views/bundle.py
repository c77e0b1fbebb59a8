"""One bundle: what it holds and where it is; and what bringing it somewhere would ship."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from environments.models import Environment
from environments.services.deploys import DEPLOY
from environments.services.edits import Options
from idp.changes.models import Change
from idp.common.errors import SlipwayError
from idp.common.host import Page
from idp.common.idempotency import MAX_KEY
from pipelines.deploys import board, content, selectors, services
from pipelines.deploys.addresses import api_of, page_of
from pipelines.deploys.models import Bundle
from pipelines.deploys.shipping import shipment
from pipelines.permissions import VIEW
from pipelines.runs.words import lasted
from rbac.access import can
from rbac.views.mixins import AccessMixin

BOARD = "Promotions"
SHOWN = 50  # deployments of a bundle


def board_of(bundle: Bundle) -> str:
    return f"{reverse('pipelines:board')}?project={bundle.project.name}"


class BundlePage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        bundle = selectors.bundle(self.actor, pk)
        query = {"project": bundle.project.name}
        rows = selectors.deployments(self.actor, query).filter(bundle=bundle).order_by("-pk")
        places = board.environments(self.actor, bundle.project)
        context = {
            "page": Page(
                str(bundle),
                [(BOARD, board_of(bundle))],
                api=api_of(bundle),
                permission=VIEW,
            ),
            "bundle": bundle,
            "content": content.of(bundle.content),
            "deployments": [{"row": one, "lead": lasted(one.lead_seconds)} for one in rows[:SHOWN]],
            "targets": [one for one in places if can(self.actor, DEPLOY, one)],
        }
        return render(request, "pipelines/deploys/bundle.html", context)


class PromotePage(AccessMixin):
    """Shows what would ship to `?to=`; its button makes the change and leads to its plan."""

    permissions = {"GET": VIEW, "POST": DEPLOY}

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        bundle = selectors.bundle(self.actor, pk)
        name = request.GET.get("to", "")
        if not name:
            return redirect(page_of(bundle))
        environment = selectors.environment(self.actor, bundle.project, name)
        return self._show(request, bundle, environment, uuid.uuid4().hex)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        bundle = selectors.bundle(self.actor, pk)
        services.require_promoter(self.actor, bundle.project)
        environment = selectors.environment(
            self.actor, bundle.project, request.POST.get("environment", "")
        )
        options = Options(
            origin=Change.Origin.PAGE,
            message=request.POST.get("message", ""),
            idempotency_key=request.POST.get("once", "")[:MAX_KEY],
        )
        try:
            made = services.promote(self.actor, bundle, environment, options=options)
        except SlipwayError as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
            return self._show(request, bundle, environment, options.idempotency_key, error.status)
        return redirect("changes:plan", pk=made.change_id)

    def _show(
        self,
        request: HttpRequest,
        bundle: Bundle,
        environment: Environment,
        once: str,
        status: int = 200,
    ) -> HttpResponse:
        context: dict[str, Any] = {
            "page": Page(
                f"Bring {bundle} to {environment.name}",
                [(BOARD, board_of(bundle)), (f"Bundle {bundle.number}", page_of(bundle))],
                api=api_of(bundle),
                permission=VIEW,
            ),
            "bundle": bundle,
            "environment": environment,
            "shipment": shipment(bundle, environment),
            "may": can(self.actor, DEPLOY, environment),
            "once": once,
        }
        return render(request, "pipelines/deploys/promote.html", context, status=status)
