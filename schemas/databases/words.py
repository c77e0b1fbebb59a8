"""How pages show the states of places."""

from __future__ import annotations

# The words of state that pages know, by ours.
LOOKS = {
    "off": "suspended",
    "unreachable": "degraded",
    "unread": "pending",
    "undeclared": "unknown",
    "drifted": "drifted",
    "behind": "outofsync",
    "in step": "synced",
}
