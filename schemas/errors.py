"""The registry's errors, each with the number that registry clients know it by.

Confluent Schema Registry, "API reference", and the numbers its clients act on. The wire API writes
number and message; everywhere else they are problem documents like any other.
"""

from __future__ import annotations

from typing import ClassVar

from idp.common.errors import SlipwayError


class RegistryError(SlipwayError):
    """Base of what the registry refuses; `error_code` is the number on the wire."""

    error_code: ClassVar[int] = 50001


class Missing(RegistryError):
    status, code, title = 404, "not_found", "Not found"


class Unprocessable(RegistryError):
    status, code, title = 422, "invalid", "The input breaks a rule"


class SubjectNotFound(Missing):
    error_code = 40401

    def __init__(self, subject: object) -> None:
        super().__init__(f"Subject '{subject}' not found.")


class VersionNotFound(Missing):
    error_code = 40402

    def __init__(self, version: object) -> None:
        super().__init__(f"Version {version} not found.")


class SchemaNotFound(Missing):
    error_code = 40403

    def __init__(self, what: object = "") -> None:
        super().__init__(f"Schema {what} not found" if what else "Schema not found")


class SubjectSoftDeleted(Missing):
    error_code = 40404

    def __init__(self, subject: object) -> None:
        super().__init__(
            f"Subject '{subject}' was soft deleted. Set permanent=true to delete permanently"
        )


class SubjectNotSoftDeleted(Missing):
    error_code = 40405

    def __init__(self, subject: object) -> None:
        super().__init__(
            f"Subject '{subject}' was not deleted first before being permanently deleted"
        )


class VersionSoftDeleted(Missing):
    error_code = 40406

    def __init__(self, subject: object, version: int) -> None:
        super().__init__(
            f"Subject '{subject}' Version {version} was soft deleted."
            " Set permanent=true to delete permanently"
        )


class VersionNotSoftDeleted(Missing):
    error_code = 40407

    def __init__(self, subject: object, version: int) -> None:
        super().__init__(
            f"Subject '{subject}' Version {version} was not deleted first"
            " before being permanently deleted"
        )


class LevelNotConfigured(Missing):
    error_code = 40408

    def __init__(self, subject: object) -> None:
        super().__init__(
            f"Subject '{subject}' does not have subject-level compatibility configured"
        )


class ModeNotConfigured(Missing):
    error_code = 40409

    def __init__(self, subject: object) -> None:
        super().__init__(f"Subject '{subject}' does not have subject-level mode configured")


class Incompatible(RegistryError):
    status, code, title = 409, "incompatible", "An earlier version would not get on with it"
    error_code = 40901


class InvalidCandidate(Unprocessable):
    """The text, its references, metadata or rules cannot be registered by anybody."""

    error_code = 42201
    code, title = "invalid_schema", "The schema is not valid"


class PolicyRefused(Unprocessable):
    """A policy of the subject's place says no; `errors` has one entry for each rule."""

    error_code = 42201
    code, title = "policy", "A policy refuses it"


class InvalidVersion(Unprocessable):
    error_code = 42202

    def __init__(self, version: object) -> None:
        super().__init__(
            f"The specified version '{str(version)[:40]}' is not a valid version id. Allowed values"
            ' are between [1, 2^31-1] and the string "latest"'
        )


class InvalidLevel(Unprocessable):
    error_code = 42203


class InvalidMode(Unprocessable):
    error_code = 42204


class NotPermitted(Unprocessable):
    """The subject's mode, or its life, forbids it."""

    error_code = 42205
    code, title = "operation_not_permitted", "The subject is not open to this"


class ReferenceExists(Unprocessable):
    error_code = 42206

    def __init__(self, subject: object, version: int, by: object) -> None:
        super().__init__(
            f"One or more references exist to the schema {{subject={subject},version={version}}}"
            f": schema {by}"
        )


class IdMismatch(Unprocessable):
    error_code = 42207

    def __init__(self, known: int, given: int) -> None:
        super().__init__(f"Schema already registered with id {known} instead of input id {given}")


class InvalidSubject(Unprocessable):
    error_code = 42208

    def __init__(self, subject: str) -> None:
        super().__init__(f"The specified subject '{subject[:60]}' is not a valid subject name.")


class TooLarge(Unprocessable):
    error_code = 42209


class InvalidRules(Unprocessable):
    error_code = 42210


class ProjectUnclear(Unprocessable):
    """A new subject could belong to several projects, or to none that the token may publish in."""

    error_code = 42212
    code, title = "project_unclear", "The subject's project is not clear"


class Busy(RegistryError):
    """Others kept publishing in the same subject; nothing was written."""

    status, code, title = 503, "busy", "Others are publishing at the same moment"
    error_code = 50302
