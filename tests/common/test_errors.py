"""Every error class: its status, code and title, and that it keeps what it was given."""

import pytest

from idp.common import errors
from idp.common.crypto import WrongKey

CLASSES = {
    errors.SlipwayError: (500, "error", "Something went wrong"),
    errors.Invalid: (422, "invalid", "The input breaks a rule"),
    errors.NotVisible: (404, "not_found", "Not found"),
    errors.Forbidden: (403, "forbidden", "Not allowed"),
    errors.Clash: (409, "conflict", "It collides with something that exists"),
    errors.StaleState: (409, "stale_state", "It changed meanwhile"),
    errors.PreconditionFailed: (412, "precondition_failed", "It is not the version you saw"),
    errors.Refusal: (409, "refused", "A rule refuses it"),
    errors.BackendError: (502, "backend", "The target did not do it"),
    errors.TemporaryBackendError: (503, "backend_unavailable", "The target did not do it"),
    errors.PermanentBackendError: (502, "backend_refused", "The target did not do it"),
    errors.NotFound: (502, "backend_not_found", "The target did not do it"),
    errors.Conflict: (502, "backend_conflict", "The target did not do it"),
    errors.Denied: (502, "backend_denied", "The target did not do it"),
    WrongKey: (500, "error", "A stored secret cannot be read"),
}


def below(kind: type[errors.SlipwayError]) -> set[type[errors.SlipwayError]]:
    return {kind}.union(*(below(child) for child in kind.__subclasses__()))


def test_every_class_of_the_module_is_listed() -> None:
    ours = {kind for kind in below(errors.SlipwayError) if kind.__module__ == errors.__name__}
    assert ours == set(CLASSES) - {WrongKey}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_status_code_title_and_message(kind: type[errors.SlipwayError]) -> None:
    error = kind("The bucket “exports” exists.", fix="Choose another name.")
    assert (error.status, error.code, error.title) == CLASSES[kind]
    assert str(error) == error.message == "The bucket “exports” exists."
    assert error.fix == "Choose another name."
    assert error.errors == ()


def test_field_errors_are_kept_in_order() -> None:
    fields = [errors.FieldError("a", "r", "m"), errors.FieldError("b", "r", "m", "f")]
    assert errors.Invalid("m", errors=fields).errors == tuple(fields)


def test_a_temporary_error_says_when_to_come_back() -> None:
    assert errors.TemporaryBackendError("429", retry_after=2.5).retry_after == 2.5
