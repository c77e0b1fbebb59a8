"""Words of state with the icon and tone that pages show beside them: one table for every app."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """Tone (ok, warn, bad, busy, idle), icon, and whether the icon turns while it lasts."""

    tone: str
    icon: str
    spin: bool = False


UNKNOWN = Look("idle", "help-circle")
_OK = Look("ok", "circle-check")
_WORKS = Look("busy", "loader-2", spin=True)
_BROKEN = Look("bad", "alert-triangle-f")
_FAILED = Look("bad", "circle-x-f")
_PAUSED = Look("idle", "player-pause")
_WAITS = Look("warn", "clock")
_GONE = Look("idle", "trash")

LOOKS: dict[str, Look] = {
    # health, in Argo CD's words
    "healthy": _OK,
    "progressing": _WORKS,
    "degraded": _BROKEN,
    "suspended": _PAUSED,
    "missing": Look("warn", "circle-dashed"),
    "unknown": UNKNOWN,
    # sync
    "synced": Look("ok", "equal"),
    "outofsync": Look("warn", "progress-down"),
    "drifted": Look("warn", "equal-not"),
    "syncing": Look("busy", "refresh", spin=True),
    "sync failed": _FAILED,
    # environments
    "proposed": Look("idle", "circle-dashed"),
    "creating": _WORKS,
    "active": _OK,
    "ready": _OK,
    "stopped": _PAUSED,
    "deleting": Look("bad", "hourglass-empty"),
    "deleted": _GONE,
    # changes, steps and attempts
    "new": Look("idle", "circle-dashed"),
    "pending": Look("idle", "circle-dashed"),
    "queued": Look("idle", "clock"),
    "planning": _WORKS,
    "confirming": Look("warn", "eye"),
    "waiting": _WAITS,
    "blocked": Look("bad", "ban"),
    "ready to apply": Look("busy", "player-play"),
    "running": _WORKS,
    "applying": _WORKS,
    "observing": Look("busy", "eye"),
    "done": _OK,
    "succeeded": _OK,
    "passed": _OK,
    "failed": _FAILED,
    "lost": Look("warn", "alert-triangle"),
    "cancelled": Look("idle", "player-stop"),
    "canceled": Look("idle", "player-stop"),
    "cancelling": Look("warn", "player-stop"),
    "rejected": Look("bad", "ban"),
    "refused": Look("bad", "ban"),
    "expired": Look("warn", "hourglass-empty"),
    "superseded": Look("idle", "replace"),
    "skipped": Look("idle", "player-skip-forward"),
    "unchanged": Look("idle", "minus"),
    # pipelines and jobs
    "created": Look("idle", "circle-dashed"),
    "success": _OK,
    "failure allowed": Look("warn", "alert-triangle-f"),
    "by hand": Look("warn", "player-play"),
    # gates
    "pass": _OK,
    "wait": _WAITS,
    "waits": _WAITS,
    "waived": Look("warn", "shield-half"),
    "refuse": Look("bad", "ban"),
    # leave of others
    "open": Look("idle", "circle-dashed"),
    "asked": _WAITS,
    "granted": Look("ok", "shield-half"),
    "declined": Look("bad", "ban"),
    "withdrawn": Look("idle", "player-stop"),
    "revoked": Look("idle", "player-stop"),
    "ended": Look("warn", "hourglass-empty"),
    # audit and decisions
    "allowed": _OK,
    "denied": Look("bad", "ban"),
    # plan verbs
    "create": Look("ok", "plus"),
    "update": Look("busy", "pencil"),
    "replace": Look("warn", "replace"),
    "delete": Look("bad", "trash"),
    # catalog
    "experimental": Look("idle", "bulb"),
    "production": Look("ok", "rocket"),
    "deprecated": Look("warn", "hourglass"),
    # connections
    "connected": Look("ok", "plug-connected"),
    "unreachable": Look("bad", "plug-connected-x"),
    "simulated": Look("idle", "info-circle"),
}


def look(word: str) -> Look:
    """How a word of state looks, whatever its case and separators; the unknown look otherwise."""
    key = word.strip().lower().replace("_", " ")
    return LOOKS.get(key) or LOOKS.get(key.replace(" ", "")) or UNKNOWN
