"""Sessions in the database as Django keeps them, read by a statement that is compiled once.

Every page begins with this read (settings `SESSION_ENGINE`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from idp.common.compiled import CompiledModels


class SessionStore(db.SessionStore):
    """Django's own store, but for how a session is found."""

    def _get_session_from_db(self) -> Session | None:
        found = _living(connection.vendor).list(self.session_key, timezone.now())
        if not found:
            self._session_key = None
            return None
        return found[0]


@cache
def _living(_vendor: str) -> CompiledModels[Session]:
    key, now = "\x01key", datetime.max.replace(tzinfo=UTC)
    return CompiledModels(Session.objects.filter(session_key=key, expire_date__gt=now), [key, now])
