"""Logs by structlog: key=value on a terminal, JSON lines elsewhere, secrets hidden."""

from __future__ import annotations

import sys
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from idp.common.redaction import redact_event

APPS = ("idp", "rbac", "portal", "gitops", "environments", "django_structlog")
_QUIET = {
    "django.request": "ERROR",  # django_structlog logs each request with its code
    "kombu.connection": "ERROR",  # warns that the in-memory transport has no host name
}


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _renderers(*, terminal: bool) -> list[Any]:
    if terminal:
        key_values = structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], drop_missing=True, bool_as_flag=False
        )
        return [structlog.processors.format_exc_info, redact_event, _one_line, key_values]
    # Without the frames' locals: a secret's value there stands under any name.
    told = ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(told),
        redact_event,
        structlog.processors.JSONRenderer(default=str),
    ]


def _one_line(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Keys that logfmt can write; a value that is no scalar becomes its text."""
    return {
        key.replace(" ", "_").replace("=", "_"): item
        if isinstance(item, (str, int, float, bool, type(None)))
        else str(item)
        for key, item in event.items()
    }


def configure_structlog() -> None:
    """Let structlog's loggers hand their events to the standard library's handlers."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logging_config(*, debug: bool, terminal: bool | None = None) -> dict[str, Any]:
    """`logging.config.dictConfig` form; `terminal` defaults to whether stderr is one."""
    configure_structlog()
    shown = sys.stderr.isatty() if terminal is None else terminal
    level = "DEBUG" if debug else "INFO"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(terminal=shown),
                ],
                "foreign_pre_chain": [
                    *_shared(),
                    structlog.stdlib.PositionalArgumentsFormatter(),
                    structlog.stdlib.ExtraAdder(),
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            **{name: {"level": level} for name in APPS},
            **{name: {"level": quiet} for name, quiet in _QUIET.items()},
        },
    }
