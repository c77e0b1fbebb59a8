"""Objects of which `ddl` needs the names only, and what sqlglot passes on: read by our words."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.backends.ddlbuild import Build
from schemas.relational.model import Trigger, View, path
from schemas.relational.statements import Statement, Token


def by_words(build: Build, statement: Statement) -> bool:
    """Take a statement that words tell; False where it is for sqlglot."""
    words, tokens = statement.words, statement.tokens
    if words[:2] == ("alter", "type") and words[3:5] == ("add", "value"):
        labels = [one.text[1:-1].replace("''", "'") for one in tokens if one.kind == "string"]
        build.enums["public", tokens[2].name] += tuple(labels[:1])
        return True
    if words[:2] == ("alter", "table"):
        return _by_words_of_table(build, statement)
    if words[0] != "create":
        return False
    place = next((n for n, word in enumerate(words[:6]) if word in _NAMED), 0)
    if not place:
        return "partition" in words and words[words.index("partition") + 1] == "of"
    _create_named(build, statement, place)
    return True


def _by_words_of_table(build: Build, statement: Statement) -> bool:
    words = statement.words
    if "attach" in words and words[words.index("attach") + 1] == "partition":
        (schema, name), _ = _qualified(statement.tokens, words.index("attach") + 2)
        build.tables.pop(path(schema, name), None)  # partitions are in no comparison
        return True
    return "security" in words and "row" in words


_NAMED = {"extension", "view", "function", "procedure", "aggregate", "trigger"}


def _create_named(build: Build, statement: Statement, place: int) -> None:
    """CREATE of what is compared by its name; `place` is that of the word for its kind."""
    words, tokens = statement.words, statement.tokens
    kind = words[place]
    first = place + 4 if words[place + 1 : place + 4] == ("if", "not", "exists") else place + 1
    (schema, name), after = _qualified(tokens, first)
    if kind == "extension":
        build.extensions.add(name)
    elif kind == "view":
        stored = "materialized" in words[:place]
        build.views[path(schema, name)] = View(schema, name, "", materialised=stored)
    elif kind == "trigger":
        table, _ = _qualified(tokens, words.index("on", after) + 1)
        build.table(table).triggers[name] = Trigger(name, "")
    else:
        build.routines[path(schema, name)] = (schema, name, kind)


def _qualified(tokens: Sequence[Token], place: int) -> tuple[tuple[str, str], int]:
    """The schema and name that stand at a place, and where they end."""
    if place + 2 < len(tokens) and tokens[place + 1].text == ".":
        return (tokens[place].name, tokens[place + 2].name), place + 3
    return ("public", tokens[place].name), place + 1
