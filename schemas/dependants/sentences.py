"""What is broken, in a few sentences that name subject, versions, parties and owners."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from schemas.dependants.matrix import Cell
from schemas.dependants.parties import Party, data_space

SHOWN = 3  # groups in a text, and parties in a group; the rest is counted


def spoken(broken: Sequence[Cell]) -> str:
    """Grouped by what is new: a writer with those it would break, a reader with what it lacks."""
    writers = [cell for cell in broken if cell.writer.fresh]
    readers = [cell for cell in broken if not cell.writer.fresh]
    said = [_breaks(group) for group in _groups(writers, writer=True)]
    said += [_lacks(group) for group in _groups(readers, writer=False)]
    more = f" And {len(said) - SHOWN} more." if len(said) > SHOWN else ""
    return " ".join(said[:SHOWN]) + more


def missing_first(missing: Sequence[str], broken: Sequence[Cell]) -> str:
    """What is not there at all, then what breaks."""
    more = f" And {len(missing) - SHOWN} more." if len(missing) > SHOWN else ""
    return f"{' '.join(missing[:SHOWN])}{more} {spoken(broken)}".strip()


def _groups(cells: Iterable[Cell], *, writer: bool) -> list[list[Cell]]:
    def key(cell: Cell) -> tuple[str, int, str]:
        party = cell.writer if writer else cell.reader
        return (str(party.subject), party.number or 0, party.holder)

    return [list(group) for _, group in groupby(sorted(cells, key=key), key)]


def _breaks(cells: Sequence[Cell]) -> str:
    writer = cells[0].writer
    readers = list(dict.fromkeys(cell.reader for cell in cells))
    count = f"{len(readers)} consumer{'s' if len(readers) > 1 else ''}"
    where = f" in {data_space(writer.scope)}" if writer.scope else ""
    return (
        f"{writer.subject} {writer.held}, written by {writer.holder}, would break {count}{where}:"
        f" {_listed(readers)}. {_ended(cells[0].advice)}"
    )


def _lacks(cells: Sequence[Cell]) -> str:
    reader = cells[0].reader
    writers = list(dict.fromkeys(cell.writer for cell in cells))
    where = data_space(reader.scope) if reader.scope else "the environment"
    newest = max(writer.number or 0 for writer in writers)
    if (reader.number or 0) > newest and not all(writer.kept for writer in writers):
        opening = f"{where} lacks {reader.subject} {reader.held}, which {reader.holder} reads"
    else:
        opening = f"{reader.holder}, reading {reader.subject} with {reader.held}, would break"
    kept = [writer for writer in writers if writer.kept and writer.retained_until]
    note = ""
    if kept and kept[0].retained_until:
        last = max(writer.retained_until for writer in kept if writer.retained_until)
        note = f" Older data is kept until {last:%d %b %Y}."
    return (
        f"{opening} (owner: team {reader.owner}): what is written there comes from"
        f" {_listed(writers)}. {_ended(cells[0].advice)}{note}"
    )


def _listed(parties: Sequence[Party]) -> str:
    shown = [party.words for party in parties[:SHOWN]]
    if len(parties) > SHOWN:
        shown.append(f"{len(parties) - SHOWN} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
