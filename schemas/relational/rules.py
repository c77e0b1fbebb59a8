"""The rules of the migration lint: what each says, and how to do it instead.

Rules with squawk's names are found by squawk (`schemas.relational.squawk`) and said in our words;
the others are found by `schemas.relational.risks`. Rules of squawk that are a matter of taste are
left out; one that a newer squawk brings is passed on as a warning in its own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """An error closes the gate until it is mended or acknowledged; a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """`sentence` may name `{of}`, what is touched, and `{table}`, what the statement is about."""

    name: str
    level: Level
    sentence: str
    fix: str


def _rules(level: Level, *each: tuple[str, str, str]) -> dict[str, Rule]:
    return {name: Rule(name, level, sentence, fix) for name, sentence, fix in each}


_LATER = "Stop using it in the code first, deploy that, and drop it with a later migration."
_NEW_COLUMN = (
    "Add a new column, write both, fill the old rows in batches, switch the code, drop the old one."
)

_LOSSES = _rules(
    Level.ERROR,
    ("ban-drop-table", "Dropping table {of} loses its data and breaks code that uses it.", _LATER),
    (
        "ban-drop-column",
        "Dropping column {of} loses its data and breaks code that reads it.",
        _LATER,
    ),
    ("ban-drop-database", "Dropping a database loses all its data.", "Leave it to its operator."),
    ("ban-drop-schema", "Dropping schema {of} breaks code that uses what is in it.", _LATER),
    ("truncate-table", "TRUNCATE loses all rows of {of}.", "Delete what nobody needs, in batches."),
    (
        "delete-without-where",
        "DELETE without WHERE loses all rows of {of}.",
        "Say which rows; delete many in batches.",
    ),
)
_BREAKS = _rules(
    Level.ERROR,
    ("renaming-column", "Renaming column {of} breaks the code that is running.", _NEW_COLUMN),
    (
        "renaming-table",
        "Renaming table {of} breaks the code that is running.",
        "Rename it and create a view of the old name in the same transaction.",
    ),
    ("ban-drop-view", "Dropping view {of} breaks code that reads it.", _LATER),
    ("ban-drop-function", "Dropping function {of} breaks code that calls it.", _LATER),
    ("ban-drop-type", "Dropping type {of} breaks code that uses it.", _LATER),
    ("ban-drop-sequence", "Dropping sequence {of} breaks code that uses it.", _LATER),
    ("ban-drop-domain", "Dropping domain {of} breaks code that uses it.", _LATER),
    (
        "adding-required-field",
        "A NOT NULL column without a default fails where {table} has rows, and breaks inserts.",
        "Give it a default, or add it as nullable and require it later.",
    ),
    (
        "ban-drop-not-null",
        "Code that reads {of} may not expect NULL.",
        "Make every reader accept NULL first, then acknowledge this rule.",
    ),
)
_LOCKS = _rules(
    Level.ERROR,
    (
        "require-concurrent-index-creation",
        "CREATE INDEX without CONCURRENTLY blocks every write to {table} until it is built.",
        "Write CREATE INDEX CONCURRENTLY, outside a transaction.",
    ),
    (
        "require-concurrent-index-deletion",
        "DROP INDEX without CONCURRENTLY blocks all access to the table of {table} while it waits.",
        "Write DROP INDEX CONCURRENTLY, outside a transaction.",
    ),
    (
        "require-concurrent-reindex",
        "REINDEX without CONCURRENTLY blocks writes to {table} and reads by the index.",
        "Write REINDEX … CONCURRENTLY, outside a transaction.",
    ),
    (
        "require-concurrent-partition-detach",
        "DETACH PARTITION without CONCURRENTLY blocks all access to {table}.",
        "Write DETACH PARTITION … CONCURRENTLY, outside a transaction.",
    ),
    (
        "refresh-without-concurrently",
        "REFRESH without CONCURRENTLY blocks every read of {table} until it is filled.",
        "Write REFRESH MATERIALIZED VIEW CONCURRENTLY; it needs a unique index.",
    ),
    (
        "concurrently-in-transaction",
        "CONCURRENTLY cannot run inside a transaction.",
        "Put the statement into a migration of its own that runs without a transaction.",
    ),
    (
        "adding-not-nullable-field",
        "SET NOT NULL on {of} reads the whole table while it blocks all access.",
        "Add CHECK (column IS NOT NULL) NOT VALID, VALIDATE it, then SET NOT NULL.",
    ),
    (
        "constraint-missing-not-valid",
        "A new constraint reads all of {table} while it blocks writes.",
        "Add it as NOT VALID, and VALIDATE CONSTRAINT in a later transaction.",
    ),
    (
        "adding-foreign-key-constraint",
        "A new foreign key reads all of {table} and blocks writes to both tables.",
        "Add it as NOT VALID, and VALIDATE CONSTRAINT in a later transaction.",
    ),
    (
        "disallowed-unique-constraint",
        "A new UNIQUE constraint builds its index while it blocks all access to {table}.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE USING INDEX.",
    ),
    (
        "adding-serial-primary-key-field",
        "A new primary key builds its index while it blocks all access to {table}.",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … PRIMARY KEY USING INDEX.",
    ),
    (
        "adding-field-with-default",
        "This new column rewrites {table} while all access is blocked: its value differs per row.",
        "Add it without a default, fill it in batches, then set the default.",
    ),
    (
        "adding-serial",
        "A new serial column rewrites {table} while all access is blocked.",
        "Add a nullable bigint, fill it in batches, then make it an identity column.",
    ),
    (
        "changing-column-type",
        "Another type of {of} may rewrite it under a lock, and breaks code that needs the old.",
        _NEW_COLUMN,
    ),
    (
        "table-rewrite",
        "This rewrites {table} while all access is blocked.",
        "Do it in a maintenance window, or with a tool that copies in the background.",
    ),
    (
        "vacuum-full",
        "VACUUM FULL rewrites {table} while all access is blocked.",
        "Let autovacuum do it, or use a tool that copies in the background, as pg_repack.",
    ),
    (
        "cluster-table",
        "CLUSTER rewrites {table} while all access is blocked.",
        "Use a tool that copies in the background, as pg_repack.",
    ),
    (
        "lock-table",
        "LOCK blocks others on {table} until the transaction ends.",
        "Leave it out, or take the weakest lock that does.",
    ),
    (
        "enum-value-in-transaction",
        "Before PostgreSQL 12, ALTER TYPE … ADD VALUE cannot run inside a transaction.",
        "Put it into a migration of its own that runs without a transaction.",
    ),
)
_WARNINGS = _rules(
    Level.WARNING,
    (
        "require-lock-timeout",
        "Without a lock_timeout, this waits behind a long query and all others wait behind it.",
        "Begin the migration with SET lock_timeout = '2s'; and try again when it fails.",
    ),
    (
        "update-without-where",
        "UPDATE without WHERE rewrites every row of {of} in one transaction.",
        "Fill old rows in batches, outside the migration.",
    ),
    (
        "drop-cascade",
        "CASCADE drops everything that depends on {of}, also what nobody listed.",
        "Drop the dependants by name first.",
    ),
    ("ban-drop-constraint", "Dropping a constraint of {of} ends what readers rely on.", _LATER),
    ("ban-drop-index", "Queries that use {of} become slow.", "See pg_stat_user_indexes first."),
    (
        "ban-disable-trigger",
        "A disabled trigger of {of} no longer does its work.",
        "Drop it later.",
    ),
    (
        "ban-alter-domain-with-add-constraint",
        "A new constraint of domain {of} reads every table that uses it while it blocks writes.",
        "Add it as NOT VALID, and VALIDATE CONSTRAINT in a later transaction.",
    ),
    (
        "ban-uncommitted-transaction",
        "The transaction is never committed.",
        "End it with COMMIT.",
    ),
    ("transaction-nesting", "The migration tool has a transaction open already.", "Leave it out."),
    ("syntax-error", "It is no SQL that the lint can read.", "See what PostgreSQL says to it."),
    (
        "unseen-code",
        "What a DO block or a procedure does is not looked into.",
        "Write plain statements where there is a risk.",
    ),
    (
        "acknowledgement-unused",
        "This acknowledgement meets no finding of its rule on the next line.",
        "Remove it, or put it on the line above the finding.",
    ),
)
_ACKNOWLEDGING = _rules(
    Level.ERROR,
    (
        "acknowledgement-without-reason",
        "An acknowledgement has to say why.",
        "Write -- slipway: allow RULE reason.",
    ),
)

RULES = _LOSSES | _BREAKS | _LOCKS | _WARNINGS | _ACKNOWLEDGING

# Squawk's rules that are taste, that ours replace, or that ask for what a pipeline does.
LEFT_OUT = frozenset(
    {
        "ban-char-field",
        "ban-concurrent-index-creation-in-transaction",
        "ban-create-domain-with-constraint",
        "ban-truncate-cascade",
        "identifier-too-long",
        "prefer-bigint-over-int",
        "prefer-bigint-over-smallint",
        "prefer-identity",
        "prefer-repack",
        "prefer-robust-stmts",
        "prefer-text-field",
        "prefer-timestamp-tz",
        "require-enum-value-ordering",
        "require-statement-timeout",
        "require-table-schema",
        "require-timeout-settings",
        "unused-ignore",
    }
)
# What is said of any statement; the other rules spare a table that the same text created before.
OF_ANY = frozenset(
    {
        "concurrently-in-transaction",
        "enum-value-in-transaction",
        "ban-uncommitted-transaction",
        "syntax-error",
        "transaction-nesting",
        "unseen-code",
    }
)
