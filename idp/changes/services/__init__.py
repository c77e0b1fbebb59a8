"""Writes around a change: each decides, validates, moves the row, records it and tells others."""

from idp.changes.services.answers import approve, reject
from idp.changes.services.freezes import freeze, lift_freeze
from idp.changes.services.leave import ask_leave
from idp.changes.services.proposals import (
    cancel,
    confirm,
    key_used,
    made_before,
    propose,
    replan,
)
from idp.changes.services.rows import ask_again
from idp.changes.services.rules import delete_rule, save_rule
from idp.changes.services.waivers import ask_waiver, grant_waiver, revoke_waiver

__all__ = [
    "approve",
    "ask_again",
    "ask_leave",
    "ask_waiver",
    "cancel",
    "confirm",
    "delete_rule",
    "freeze",
    "grant_waiver",
    "key_used",
    "lift_freeze",
    "made_before",
    "propose",
    "reject",
    "replan",
    "revoke_waiver",
    "save_rule",
]
