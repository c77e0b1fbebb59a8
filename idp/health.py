"""What machines ask of a running Slipway: is it alive, is it ready, what does it count."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import ClassVar

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.generic.base import View
from prometheus_client import CONTENT_TYPE_LATEST

from idp.changes.models import Change
from idp.common import metrics
from idp.common.errors import Forbidden
from idp.common.version import VERSION

_LOCAL = frozenset({"127.0.0.1", "::1", ""})  # "" is a Unix socket


def _changes_by_state() -> Iterator[metrics.Sample]:
    rows = dict(
        Change.objects.order_by().values_list("state").annotate(number=Count("pk")),
    )
    for state in Change.State.values:
        yield (state,), rows.get(state, 0)


metrics.register_gauge(
    metrics.Gauge("slipway_changes", "Changes by state.", ("state",), _changes_by_state)
)


class Live(View):
    """The process answers; nothing else is asked."""

    public: ClassVar[str] = "A probe has no account, and the answer tells nothing."

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse({"status": "ok", "version": VERSION})


class Ready(View):
    """200 when requests can be served, 503 with what lacks otherwise."""

    public: ClassVar[str] = "A probe has no account, and the answer names no detail."

    def get(self, request: HttpRequest) -> HttpResponse:
        checks = {"database": _database(), "migrations": _migrated(), "broker": _broker()}
        ready = checks["database"] == checks["migrations"] == "ok"
        body = {"status": "ok" if ready else "unavailable", "checks": checks}
        return JsonResponse(body, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unavailable"
    return "ok"


def _migrated() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unknown"
    return "pending" if pending else "ok"


def _broker() -> str:
    """Only told: without the broker requests are served, and work waits in the database."""
    if not settings.REDIS_URL:
        return "in process"
    try:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
        )
        client.ping()
    except redis.RedisError:
        return "unavailable"
    return "ok"


class Metrics(View):
    """Prometheus' exposition, for this machine or a bearer of SLIPWAY_METRICS_TOKEN."""

    public: ClassVar[str] = "Scrapers have no account: this machine, or the metrics token."

    def get(self, request: HttpRequest) -> HttpResponse:
        if not (_is_local(request) or _has_token(request)):
            raise Forbidden(
                "Metrics are for this machine or a bearer of the metrics token.",
                fix="Send Authorization: Bearer with the value of SLIPWAY_METRICS_TOKEN.",
            )
        return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    """Asked from this machine itself: a proxy's request carries who asked the proxy."""
    forwarded = "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META
    return request.META.get("REMOTE_ADDR", "") in _LOCAL and not forwarded


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())
