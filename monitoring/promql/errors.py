"""What a query is refused for. `kind` is the error type of Prometheus' HTTP API."""

from __future__ import annotations


class QueryError(ValueError):
    """The query cannot be answered; the message says why."""

    kind = "execution"


class BadQuery(QueryError):
    """It is no PromQL."""

    kind = "bad_data"


class NotRun(BadQuery):
    """It is PromQL that Slipway does not run by itself."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not run here. Connect a Prometheus, and the query goes there.")
        self.what = what


class TooMuch(QueryError):
    """It would read or make more than one query may."""
