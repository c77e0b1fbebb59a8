"""Errors that people and callers act on; pages and REST render them the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One wrong input: where (a dotted path or JSON pointer), which rule, what to do."""

    field: str
    rule: str
    message: str
    fix: str = ""


class SlipwayError(Exception):
    """Base of all errors that have a message for the person who asked."""

    status = 500
    code = "error"
    title = "Something went wrong"

    def __init__(self, message: str, *, fix: str = "", errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.errors = tuple(errors)

    @property
    def facts(self) -> dict[str, object]:
        """More members of the problem document, for callers that act on them."""
        return {}


class Invalid(SlipwayError):
    status, code, title = 422, "invalid", "The input breaks a rule"

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> Invalid:
        """One error for several wrong fields; its message names the first and counts the rest."""
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return cls(f"{first.field}: {first.message}{more}", fix=first.fix, errors=errors)


class NotVisible(SlipwayError):
    """Does not exist, or may not be seen: the same answer for both."""

    status, code, title = 404, "not_found", "Not found"


class Forbidden(SlipwayError):
    """Visible, but not allowed; the message says why and who can grant it."""

    status, code, title = 403, "forbidden", "Not allowed"


class Clash(SlipwayError):
    status, code, title = 409, "conflict", "It collides with something that exists"


class StaleState(Clash):
    """The row left the expected state while the caller looked away."""

    code, title = "stale_state", "It changed meanwhile"


class PreconditionFailed(SlipwayError):
    status, code, title = 412, "precondition_failed", "It is not the version you saw"


class Refusal(SlipwayError):
    """A gate, limit or rule says no; the message names the rule, the fact and who can lift it."""

    status, code, title = 409, "refused", "A rule refuses it"


class BackendError(SlipwayError):
    """A cluster, cloud account or host did not do what was asked."""

    status, code, title = 502, "backend", "The target did not do it"


class TemporaryBackendError(BackendError):
    """Worth trying again, after `retry_after` seconds where the target said so."""

    status, code = 503, "backend_unavailable"

    def __init__(self, message: str, *, fix: str = "", retry_after: float = 0) -> None:
        super().__init__(message, fix=fix)
        self.retry_after = retry_after


class PermanentBackendError(BackendError):
    code = "backend_refused"


class NotFound(PermanentBackendError):
    code = "backend_not_found"


class Conflict(PermanentBackendError):
    code = "backend_conflict"


class Denied(PermanentBackendError):
    code = "backend_denied"
