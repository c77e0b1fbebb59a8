"""Whether pairs of schemas get on, judged once: in memory, then in the table, then by an engine.

Called by `schemas.checking`. A pair is (reader's content, writer's content); both policies are
judged together, and no level stands in the key.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.utils import timezone

from schemas.formats import registry
from schemas.formats.base import Difference, FormatName, Parsed, TooComplex
from schemas.models import Verdict

KEPT = 4096
KEPT_DAYS = 90
MAX_BREAKING = 50  # differences kept of one pair
SECONDS = 20.0  # of one check against all versions
_BATCH = 200  # pairs asked for by one query
Pair = tuple[str, str]


@dataclass(frozen=True)
class Judgement:
    """What of a writer's schema its reader cannot take; `breaking` under either policy."""

    strict: bool
    lenient: bool
    breaking: tuple[Difference, ...]

    def compatible(self, *, lenient: bool) -> bool:
        return self.lenient if lenient else self.strict


_kept: OrderedDict[tuple[str, Pair], Judgement] = OrderedDict()
_lock = threading.Lock()


def engine_of(name: FormatName) -> str:
    """The engine and its version, as the table's key has it."""
    return f"{name}-{registry.get(name).version}"


def known(name: FormatName, pairs: Sequence[Pair], *, ask_table: bool) -> dict[Pair, Judgement]:
    """What was judged before: from memory and, when asked for, from the table."""
    engine = engine_of(name)
    with _lock:
        found = {pair: _kept[engine, pair] for pair in pairs if (engine, pair) in _kept}
    missing = [pair for pair in pairs if pair not in found]
    if ask_table:
        for start in range(0, len(missing), _BATCH):
            found.update(_from_table(engine, missing[start : start + _BATCH]))
    return found


def _from_table(engine: str, pairs: Sequence[Pair]) -> dict[Pair, Judgement]:
    """One query for all of them."""
    columns = ("reader", "writer", "strict", "lenient", "breaking")
    rows = Verdict.objects.filter(_any_of(pairs), engine=engine).values_list(*columns)
    found = {
        (reader, writer): Judgement(strict, lenient, tuple(_difference(one) for one in breaking))
        for reader, writer, strict, lenient, breaking in rows
    }
    remember(engine, found)
    return found


def _any_of(pairs: Sequence[Pair]) -> Q:
    """The pairs by the side that they share: a candidate meets all others, as reader or writer."""
    shared = Counter(content for pair in pairs for content in pair)
    by_reader: dict[str, list[str]] = {}
    by_writer: dict[str, list[str]] = {}
    for reader, writer in pairs:
        if shared[reader] >= shared[writer]:
            by_reader.setdefault(reader, []).append(writer)
        else:
            by_writer.setdefault(writer, []).append(reader)
    sides = [Q(reader=one, writer__in=others) for one, others in by_reader.items()]
    sides += [Q(writer=one, reader__in=others) for one, others in by_writer.items()]
    return reduce(or_, sides)


def judge(name: FormatName, reader: Parsed, writer: Parsed) -> Judgement:
    """Ask the engine; raises `TooComplex`."""
    found = registry.get(name).differences(reader, writer)
    breaking = [entry for entry in found if not (entry.strict and entry.lenient)]
    return Judgement(
        strict=all(entry.strict for entry in found),
        lenient=all(entry.lenient for entry in found),
        breaking=tuple(breaking[:MAX_BREAKING]),
    )


def remember(engine: str, found: Mapping[Pair, Judgement]) -> None:
    with _lock:
        for pair, judgement in found.items():
            _kept[engine, pair] = judgement
        while len(_kept) > KEPT:
            _kept.popitem(last=False)


def store(name: FormatName, found: Mapping[Pair, Judgement]) -> None:
    """Write to the table what no other process has to judge again; one query."""
    engine = engine_of(name)
    Verdict.objects.bulk_create(
        [
            Verdict(
                reader=reader,
                writer=writer,
                engine=engine,
                strict=judgement.strict,
                lenient=judgement.lenient,
                breaking=[_plain(entry) for entry in judgement.breaking],
            )
            for (reader, writer), judgement in found.items()
        ],
        ignore_conflicts=True,
    )


def _plain(entry: Difference) -> dict[str, Any]:
    """Without old and new, which may be large and of any kind."""
    return {
        "kind": entry.kind,
        "reader_at": entry.reader_at,
        "writer_at": entry.writer_at,
        "strict": entry.strict,
        "lenient": entry.lenient,
        "advice": entry.advice,
    }


def _difference(entry: Mapping[str, Any]) -> Difference:
    return Difference(**entry)


def all_of(
    name: FormatName,
    pairs: Iterable[Pair],
    parsed: Callable[[str], Parsed],
    *,
    table: bool,
) -> dict[Pair, Judgement]:
    """A judgement for each pair; `parsed` gives a content's schema when an engine has to look.

    Raises `TooComplex` past the time that one check may take; what was judged until then is kept,
    so that asking again goes further.
    """
    wanted = list(dict.fromkeys(pairs))
    found = known(name, wanted, ask_table=table)
    fresh: dict[Pair, Judgement] = {}
    ends = time.monotonic() + SECONDS
    try:
        for reader, writer in wanted:
            if (reader, writer) not in found:
                if time.monotonic() > ends:
                    raise TooComplex(
                        f"Judging against all earlier versions takes longer than {SECONDS:g} s.",
                        fix="Ask again: what was judged is kept.",
                    )
                fresh[reader, writer] = judge(name, parsed(reader), parsed(writer))
    finally:
        if fresh:
            remember(engine_of(name), fresh)
            if table:
                store(name, fresh)
    return {**found, **fresh}


def forget_memory() -> None:
    """Drop what this process remembers; the table stays."""
    with _lock:
        _kept.clear()


def forget_old() -> None:
    """Drop verdicts older than a quarter: they are judged again when somebody asks."""
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    Verdict.objects.filter(judged_at__lt=before).delete()
