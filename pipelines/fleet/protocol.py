"""What agents call. Every call is an agent's by its token, and an attempt's by its lease.

401: the token is nobody's. 404: the attempt is not this agent's, or there is none. 409: its lease
is another's. 410: it is over. All of them leave the row as it is. 422: what is sent or asked for
cannot be taken or had, however often. 503, as any other fault of the server: it may be later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

import msgspec
from django.db import DatabaseError
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic.base import View

from idp.changes.leases import Lease, LeaseLost
from idp.common.errors import (
    Clash,
    FieldError,
    Invalid,
    NotVisible,
    PermanentBackendError,
    SlipwayError,
    TemporaryBackendError,
)
from idp.common.problems import CONTENT_TYPE, problem
from pipelines.agent import forms
from pipelines.fleet import claims, files, finishing, orders, sessions, tokens
from pipelines.fleet.tokens import Caller
from pipelines.running.afresh import FilesError
from pipelines.runs import logs
from pipelines.runs.models import Attempt
from rbac.requests import address_of
from rbac.tokens import from_header

log = logging.getLogger(__name__)
F = TypeVar("F")
MAX_FORM = 64 * 1024
MAX_OFFSET = 2**50
_GONE, _NO_CONTENT = 410, 204


class Over(SlipwayError):
    status, code, title = _GONE, "gone", "The attempt is over"


@method_decorator(csrf_exempt, name="dispatch")
class Call(View):
    """Knows the agent; answers errors as problem documents."""

    public: ClassVar[str] = "An agent shows its own token with each call; nobody else gets in."
    caller: Caller

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            address = address_of(request) or "an unknown address"
            text = from_header(request.headers.get("Authorization", "")) or ""
            self.caller = tokens.authenticate(text, address)
            self.instance = request.headers.get(forms.INSTANCE, "")[:64]
            if not self.instance:
                raise _wrong(forms.INSTANCE, "Name your process.")
            self.enter(address)
            answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        except LeaseLost:
            return _problem(Clash("The attempt is somebody else's now."))
        except SlipwayError as error:
            return _problem(error)
        answer["Cache-Control"] = "no-store"
        return answer

    def enter(self, address: str) -> None:
        sessions.enter(self.caller, self.instance, address)

    def form(self, kind: type[F]) -> F:
        data = self.request.read(MAX_FORM + 1)
        if len(data) > MAX_FORM:
            raise _wrong("body", f"At most {MAX_FORM} bytes.")
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise _wrong("body", f"It is no {kind.__name__}: {error}") from error

    def attempt(self, pk: int, *, over: bool = False) -> tuple[Attempt, Lease]:
        """The caller's attempt and its lease; `over`: also one that has ended."""
        found = tokens.attempt_of(self.caller, pk)
        if found is None:
            raise NotVisible("There is nothing here, or it is not yours.")
        if found.status in Attempt.ENDED and not over:
            raise Over("The attempt is over.")
        lease = orders.lease_of(found, self.request.headers.get(forms.LEASE, ""))
        if lease is None:
            raise Clash("The attempt is somebody else's now.")
        return found, lease


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(message, errors=[FieldError(field, "value", message)])


def _problem(error: SlipwayError) -> HttpResponse:
    title, status = error.title, error.status
    body = problem(
        status, code=error.code, title=title, detail=error.message, fix=error.fix,
        errors=error.errors,
    )  # fmt: skip
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def _said(form: Any) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(form), content_type="application/json")


class ClaimCall(Call):
    """Asks for work, and waits a while for it."""

    def enter(self, address: str) -> None:
        self.asked = self.form(forms.Claim)
        sessions.enter(self.caller, self.instance, address, self.asked.version)

    def post(self, _: HttpRequest) -> HttpResponse:
        return _said(claims.claim(self.caller, self.asked))


class BeatCall(Call):
    """Renews the leases of what runs."""

    def post(self, _: HttpRequest) -> HttpResponse:
        held = self.form(forms.Beat).attempts
        return _said(forms.Beaten(claims.beat(self.caller, held)))


class RotateCall(Call):
    """Gives the next token."""

    def post(self, _: HttpRequest) -> HttpResponse:
        if self.caller.pod is not None:
            raise _wrong("token", "A token for one attempt has no next one.")
        text = tokens.next_of(self.caller.agent)
        until = self.caller.agent.token_until.isoformat()
        return _said(forms.Rotated(text, until))


class LeaveCall(Call):
    """Says that the process ends; with `drain` only its claims that wait."""

    def post(self, _: HttpRequest) -> HttpResponse:
        if "drain" in self.request.GET:
            sessions.drain(self.caller, self.instance)
        else:
            sessions.leave(self.caller, self.instance)
        return HttpResponse(status=_NO_CONTENT)


class LogCall(Call):
    """Appends to a log, from an offset on."""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        attempt, lease = self.attempt(pk)
        text = request.GET.get("offset", "0")
        offset = int(text) if text.isascii() and text.isdecimal() and len(text) < 17 else -1  # noqa: PLR2004 - of 2**50
        if not 0 <= offset <= MAX_OFFSET:
            raise _wrong("offset", "Bytes of the log before these, a number.")
        data = request.read(forms.MAX_LOG + 1)
        if len(data) > forms.MAX_LOG:
            raise _wrong("body", f"At most {forms.MAX_LOG} bytes at once.")
        end = logs.append(lease, offset, data)
        return _said(forms.Logged(end, attempt.cancel))


class SourceCall(Call):
    """The files of the commit."""

    def get(self, _: HttpRequest, pk: int) -> HttpResponseBase:
        packed = _files(lambda: files.source(*self.attempt(pk)))
        return FileResponse(packed, content_type="application/gzip")


class NeedCall(Call):
    """The artifacts of a job before."""

    def get(self, _: HttpRequest, pk: int, artifact: int) -> HttpResponseBase:
        attempt, _lease = self.attempt(pk)
        file, row = _files(lambda: files.needed(attempt, artifact))
        answer = FileResponse(file, content_type="application/zip")
        answer[forms.DIGEST] = row.digest
        return answer


class ArtifactCall(Call):
    """Keeps artifacts, or the files of a report."""

    def put(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        attempt, lease = self.attempt(pk)
        with files.received(request, *_announced(request)) as file:
            checkout = request.GET.get("checkout", "")
            lines = _files(lambda: files.artifact(attempt, lease, kind, file, checkout))
        return _said(forms.Kept(tuple(lines)))


class CacheCall(Call):
    """Gives and keeps caches."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        keys = request.GET.getlist("key")
        found = _files(lambda: files.cached(*self.attempt(pk), keys))
        if found is None:
            return HttpResponse(status=_NO_CONTENT)
        key, packed = found
        answer = FileResponse(packed, content_type="application/zip")
        answer[forms.CACHE_KEY] = quote(key, safe="")
        return answer

    def put(self, request: HttpRequest, pk: int) -> HttpResponse:
        attempt, lease = self.attempt(pk)
        with files.received(request, *_announced(request)) as file:
            _files(lambda: files.cache(attempt, lease, request.GET.get("key", ""), file))
        return HttpResponse(status=_NO_CONTENT)


class FinishCall(Call):
    """Takes down how an attempt ended."""

    def post(self, _: HttpRequest, pk: int) -> HttpResponse:
        attempt, lease = self.attempt(pk, over=True)
        said = self.form(forms.Finish)
        try:
            finishing.finish(attempt, lease, said)
        except LeaseLost as error:
            raise Over("The attempt is over.") from error
        return HttpResponse(status=_NO_CONTENT)


def _announced(request: HttpRequest) -> tuple[int, str]:
    length = request.headers.get("Content-Length", "")
    size = int(length) if length.isascii() and length.isdecimal() and len(length) < 16 else -1  # noqa: PLR2004 - of any file
    return size, request.headers.get(forms.DIGEST, "")


def _files(do: Callable[[], F]) -> F:
    """What a keeper of files gives; its errors as this protocol's."""
    try:
        return do()
    except FilesError as error:
        if error.again:
            raise TemporaryBackendError(str(error)) from error
        raise _wrong("files", str(error)) from error
    except PermanentBackendError as error:
        raise _wrong("files", error.message) from error
    except DatabaseError:
        log.warning("files of an attempt could not be had", exc_info=True)
        raise
