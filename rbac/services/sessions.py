"""Signing in and out: throttled guesses, a row for each session, and ending sessions."""

from __future__ import annotations

import hashlib
import logging
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from idp.common.errors import Invalid, NotVisible, SlipwayError
from rbac import audit
from rbac.actors import Actor
from rbac.models import AuditRecord, SignIn, User
from rbac.requests import address_of, request_id
from rbac.services.writing import refuse

log = logging.getLogger(__name__)
WINDOW_SECONDS = 15 * 60
GUESSES_PER_NAME = 5
GUESSES_PER_ADDRESS = 30


class TooManyGuesses(SlipwayError):
    status, code, title = 429, "too_many_guesses", "Too many attempts"


def _keys(username: str, address: str | None) -> tuple[tuple[str, int], tuple[str, int]]:
    name = hashlib.sha256(f"{username.lower()} {address}".encode()).hexdigest()[:32]
    return (
        (f"rbac.guess.name.{name}", GUESSES_PER_NAME),
        (f"rbac.guess.address.{address}", GUESSES_PER_ADDRESS),
    )


def _failures(key: str) -> int:
    try:
        return int(cache.get(key, 0))
    except RedisError:  # a cache that is down shuts nobody out
        log.warning("The cache does not answer; guesses of passwords are not counted.")
        return 0


def _count_failure(key: str) -> None:
    try:
        if not cache.add(key, 1, WINDOW_SECONDS):
            cache.incr(key)
    except (RedisError, ValueError):  # ValueError: the key ended between the two calls
        log.warning("A failed sign-in could not be counted.")


def _refuse_guessing(keys: tuple[tuple[str, int], ...]) -> None:
    if any(_failures(key) >= limit for key, limit in keys):
        raise TooManyGuesses(
            "Too many attempts with a wrong password.",
            fix=f"Wait {WINDOW_SECONDS // 60} minutes, or reset the password.",
        )


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Check the password and open a session; raises `Invalid`, or `TooManyGuesses` (429)."""
    address = address_of(request)
    keys = _keys(username, address)
    _refuse_guessing(keys)
    user = auth.authenticate(request, username=username, password=password)
    if not isinstance(user, User):
        for key, _ in keys:
            _count_failure(key)
        _record_failure(username, address)
        raise Invalid(
            "That name and password do not belong together.",
            fix="Check both; the password can be reset by mail.",
        )
    open_session(request, user)
    try:
        cache.delete(keys[0][0])
    except RedisError:
        log.warning("The count of failed sign-ins could not be cleared.")
    return user


def confirm_password(actor: Actor, user: User, password: str) -> None:
    """Ask again for the password of whoever is signed in, throttled as signing in is.

    Raises `Invalid` at the field `password`, or `TooManyGuesses` (429).
    """
    if not password:
        raise refuse("password", "required", "A new address needs your password.")
    keys = _keys(user.username, actor.address)
    _refuse_guessing(keys)
    if user.check_password(password):
        return
    for key, _ in keys:
        _count_failure(key)
    raise refuse("password", "wrong", "That is not your password.")


def _record_failure(username: str, address: str | None) -> None:
    # People type passwords into the wrong field: only names that exist are written down.
    known = User.objects.filter(username=username).first()
    actor = Actor(user=None, address=address, request_id=request_id())
    audit.record(
        actor,
        "session.sign-in",
        target=known or "an unknown name",
        outcome=AuditRecord.Outcome.DENIED,
        reason="Wrong password." if known else "Unknown name.",
    )


def open_session(request: HttpRequest, user: User) -> None:
    """Sign `user` in under a new session key, and keep a row of it."""
    auth.login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    if request.session.session_key is None:
        request.session.create()
    address = address_of(request)
    SignIn.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user,
            "address": address,
            "agent": request.headers.get("User-Agent", "")[:200],
        },
    )
    actor = Actor(user=user, address=address, request_id=request_id())
    audit.record(actor, "session.sign-in", target=user)


def sign_out(request: HttpRequest, actor: Actor) -> None:
    """End this session; harmless for those who are not signed in."""
    key = request.session.session_key
    if key:
        SignIn.objects.filter(session_key=key).delete()
    if actor.user is not None:
        audit.record(actor, "session.sign-out", target=actor.user)
    auth.logout(request)


def _store(key: str) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def live_sessions(user: User) -> list[SignIn]:
    """The sessions that still exist, newest first; rows of those that ended are dropped."""
    rows = list(SignIn.objects.filter(user=user).order_by("-created_at")[:100])
    gone = [row.pk for row in rows if not _store(row.session_key).exists(row.session_key)]
    SignIn.objects.filter(pk__in=gone).delete()
    return [row for row in rows if row.pk not in gone]


def end_session(actor: Actor, row: SignIn) -> None:
    """End one of one's own sessions."""
    if actor.user is None or row.user_id != actor.user.pk:
        raise NotVisible("There is no such session of yours.")
    _store(row.session_key).delete()
    audit.record(actor, "session.end", target=row.user, before={"from": row.address or ""})
    row.delete()


def end_sessions(user: User) -> int:
    """End every session of a person; the number of them."""
    rows = list(SignIn.objects.filter(user=user))
    for row in rows:
        _store(row.session_key).delete()
    SignIn.objects.filter(user=user).delete()
    return len(rows)
