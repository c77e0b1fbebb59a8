"""Whoever wants to know of each report that came in, once it is stored for good."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from pipelines.reports.models import Report

_listeners: list[Callable[[Report], None]] = []


def register(listener: Callable[[Report], None]) -> None:
    _listeners.append(listener)


def tell(report: Report) -> None:
    """What a listener does wrong is logged, and takes no report back."""
    for listener in _listeners:
        transaction.on_commit(_call(listener, report), robust=True)


def _call(listener: Callable[[Report], None], report: Report) -> Callable[[], None]:
    def call() -> None:
        listener(report)

    return call
