"""Day-2 actions by REST: each answers 202 with the change that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from environments import services
from environments.api.serializers import (
    ActionIn,
    ClusterEventOut,
    ComponentIn,
    ConfigSchemaIn,
    ExtendIn,
    ImageIn,
    LogLineOut,
    RemoveSecretIn,
    ScaleIn,
    SchemaSetIn,
    SecretIn,
    VariablesIn,
)
from environments.api.support import MATCH, number, options
from environments.api.views import EnvironmentView
from environments.live import MAX_TAIL, events, logs
from idp.changes.api.keyed import keyed
from idp.changes.api.responses import accepted
from idp.changes.api.serializers import ChangeOut
from idp.changes.models import Change
from idp.common.inputs import inputs


def action(  # noqa: PLR0917 - a table's columns
    name: str,
    permission: str,
    service: Callable[..., Change],
    takes: type[serializers.Serializer],
    summary: str,
    example: dict[str, Any],
) -> type[EnvironmentView]:
    """A view that validates, calls `service` and answers 202."""

    @extend_schema(
        operation_id=f"environments_{name}",
        summary=summary,
        request=takes,
        responses={202: ChangeOut},
        parameters=[MATCH],
        examples=[OpenApiExample(name, request_only=True, value=example)],
    )
    @keyed
    def post(self: EnvironmentView, request: Request, **_: Any) -> Response:
        row = self.environment()
        self.require(row)
        data = inputs(takes, request)
        how = options(request, data, row)
        own = {k: v for k, v in data.items() if k not in {"message", "confirm"}}
        return accepted(self.actor, service(self.actor, row, options=how, **own))

    body = {"permission": permission, "post": post, "__doc__": summary, "__module__": __name__}
    return type(f"{name.title()}API", (EnvironmentView,), body)


ACTIONS = {
    "scale": action(
        "scale",
        "environment.scale",
        services.scale,
        ScaleIn,
        "Another number of pods; where an autoscaler owns it, other bounds.",
        {"workload": "web", "replicas": 3},
    ),
    "image": action(
        "image",
        "environment.set-image",
        services.set_image,
        ImageIn,
        "Another image for a workload.",
        {"workload": "web", "image": "registry.example.com/orders/api:1.4.3"},
    ),
    "variables": action(
        "variables",
        "environment.set-variables",
        services.set_variables,
        VariablesIn,
        "All variables of a workload; those that are not named are removed.",
        {"workload": "web", "variables": {"FEATURE_SPLIT": "on"}},
    ),
    "schemas": action(
        "schemas",
        "environment.set-schemas",
        services.set_schemas,
        SchemaSetIn,
        "All schema versions that are written and read; those that are not named are removed.",
        {
            "produces": [{"subject": "orders-value", "version": 3}],
            "consumes": [{"subject": "payments-value", "version": 1}],
        },
    ),
    "config-schema": action(
        "config_schema",
        "environment.set-schemas",
        services.set_config_schema,
        ConfigSchemaIn,
        "The schema of the variables that a workload's code needs; neither of both removes it.",
        {"workload": "web", "subject": "web-config", "version": 2},
    ),
    "secrets": action(
        "secrets",
        "environment.set-secret",
        services.set_secret,
        SecretIn,
        "A secret value for a variable; it is stored encrypted and never shown again.",
        {"workload": "web", "variable": "STRIPE_KEY", "value": "…"},
    ),
    "component": action(
        "component",
        "environment.set-component",
        services.set_component,
        ComponentIn,
        "The component of the project's catalog that a workload belongs to; empty for none.",
        {"workload": "web", "component": "orders-api"},
    ),
    "restart": action(
        "restart",
        "environment.restart",
        services.restart,
        ActionIn,
        "New pods for every workload, one after the other.",
        {},
    ),
    "sync": action(
        "sync",
        "environment.sync",
        services.sync,
        ActionIn,
        "What `main` says, brought to cluster and account: the way on after a failed change.",
        {},
    ),
    "stop": action(
        "stop",
        "environment.stop",
        services.stop,
        ActionIn,
        "No pods and no runs; settings, addresses and resources stay.",
        {},
    ),
    "start": action(
        "start",
        "environment.stop",
        services.start,
        ActionIn,
        "The pods that it had before it was stopped.",
        {},
    ),
    "extend": action(
        "extend",
        "environment.extend",
        services.extend,
        ExtendIn,
        "Another expiry, or none (null), within the limits.",
        {"expires_at": "2026-12-15T00:00:00Z"},
    ),
}


class SecretAPI(EnvironmentView):
    """A workload's secret variable."""

    permission = "environment.set-secret"

    @extend_schema(
        operation_id="environments_secret_remove",
        summary="Remove a workload's secret variable; its stored versions stay, for a way back.",
        request=RemoveSecretIn,
        responses={202: ChangeOut},
        parameters=[MATCH],
    )
    @keyed
    def delete(self, request: Request, variable: str, **_: Any) -> Response:
        row = self.environment()
        self.require(row)
        data = inputs(RemoveSecretIn, request)
        change = services.remove_secret(
            self.actor,
            row,
            variable=variable,
            workload=data.get("workload", ""),
            options=options(request, data, row),
        )
        return accepted(self.actor, change)


class LogsAPI(EnvironmentView):
    """The last lines of a workload's pods, oldest first."""

    permission = "environment.logs"

    @extend_schema(
        operation_id="environments_logs",
        responses=LogLineOut(many=True),
        parameters=[
            OpenApiParameter("workload", str),
            OpenApiParameter("tail", int, description=f"Lines a container, at most {MAX_TAIL}"),
            OpenApiParameter("q", str, description="Only lines that hold this text"),
        ],
    )
    def get(self, request: Request, **_: Any) -> Response:
        row = self.environment()
        query = request.query_params
        tail = number(query.get("tail", ""), "tail", 200, MAX_TAIL)
        found = logs(self.actor, row, query.get("workload", ""), tail)
        wanted = query.get("q", "").lower()
        lines = [line for line in found if wanted in line.text.lower()]
        return Response({"results": LogLineOut(lines, many=True).data})


class EventsAPI(EnvironmentView):
    """What the cluster says happened in the namespace, newest first."""

    @extend_schema(operation_id="environments_events", responses=ClusterEventOut(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        found = events(self.actor, self.environment())
        return Response({"results": ClusterEventOut(found, many=True).data})
