"""What the services share: validated saves whose errors name the field, and doubles as a clash."""

from __future__ import annotations

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction

from idp.common.errors import Clash, FieldError, Invalid


def invalid(error: ValidationError) -> Invalid:
    """Django's validation error with one `FieldError` for each message."""
    found = [
        FieldError("" if field == NON_FIELD_ERRORS else field, entry.code or "invalid", message)
        for field, entries in error.error_dict.items()
        for entry in entries
        for message in entry.messages
    ]
    return Invalid("; ".join(entry.message for entry in found), errors=found)


def refuse(field: str, rule: str, message: str, fix: str = "") -> Invalid:
    """One wrong input, for the caller to raise."""
    return Invalid(message, fix=fix, errors=[FieldError(field, rule, message, fix)])


def save_new(row: models.Model, what: str) -> None:
    """Validate and insert; raises `Invalid` with field errors, `Clash` when it exists already."""
    try:
        row.clean_fields()
        row.validate_constraints()
    except ValidationError as error:
        raise invalid(error) from error
    insert(row, what)


def insert(row: models.Model, what: str) -> None:
    """Insert in a savepoint; of two at the same moment the second gets a `Clash`."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise Clash(
            f"{what} exists already.", fix="Choose another name, or use that one."
        ) from error
