"""The account that jobs run as, where it is another than this process's own."""

from __future__ import annotations

import os
import pwd


class UserError(ValueError):
    """Jobs cannot run as this user; the text says why."""


def account(name: str) -> tuple[int | None, int | None]:
    """The user's and group's number; none for an empty name, which is this process's own user."""
    if not name:
        return None, None
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise UserError(f"There is no user “{name}” here.") from None
    if not found.pw_uid:
        raise UserError(f"“{name}” is root, and jobs are to run as somebody without its rights.")
    if os.geteuid():
        raise UserError(f"Only root may run jobs as “{name}”; start this process as root.")
    return found.pw_uid, found.pw_gid
