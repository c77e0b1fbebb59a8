"""Writes of the registry, one verb a function; each decides, writes and audits."""

from schemas.services.configuring import (
    clear_mode,
    clear_settings,
    set_mode,
    set_settings,
)
from schemas.services.deleting import delete_subject, delete_version
from schemas.services.describing import describe_subject, move_subject
from schemas.services.registering import check_candidate, look_up, register

__all__ = [
    "check_candidate",
    "clear_mode",
    "clear_settings",
    "delete_subject",
    "delete_version",
    "describe_subject",
    "look_up",
    "move_subject",
    "register",
    "set_mode",
    "set_settings",
]
