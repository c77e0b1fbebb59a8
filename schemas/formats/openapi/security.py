"""Who may call an operation: alternatives of schemes, each with scopes.

A client that could call the operation still can when what it holds is enough for some
alternative of the new description.
"""

from __future__ import annotations

from typing import Any

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import ERROR, INFORMATION, Context, Findings

Alternative = dict[str, frozenset[str]]


def compare_security(
    found: Findings, context: Context, places: tuple[Node, Node], roots: tuple[Node, Node]
) -> None:
    """Compare what two operations ask for, the description's own `security` standing in."""
    sides = [
        place if "security" in place else root for place, root in zip(places, roots, strict=True)
    ]
    here = sides[0], sides[1]
    raw = here[0].raw("security"), here[1].raw("security")
    if raw[0] == raw[1]:
        return
    prefix = "API_GLOBAL_SECURITY" if sides == list(roots) else "API_SECURITY"
    before, after = (_alternatives(value) for value in raw)
    for alternative in before:
        if not any(_enough(alternative, other) for other in after):
            _refused(found, context, here, (prefix, alternative, after))
        elif alternative not in after:
            kind = f"{prefix}_RELAXED"
            found.add(context, kind, INFORMATION, here, values=(_shown(alternative), None))
    for alternative in after:
        if alternative not in before:
            kind = f"{prefix}_ADDED"
            found.add(context, kind, INFORMATION, here, values=(None, _shown(alternative)))


def _alternatives(value: Any) -> list[Alternative]:
    """Nothing asked for is one alternative that asks for nothing."""
    found = [{name: frozenset(scopes) for name, scopes in entry.items()} for entry in value or ()]
    return found or [{}]


def _enough(held: Alternative, asked: Alternative) -> bool:
    return all(name in held and scopes <= held[name] for name, scopes in asked.items())


def _shown(alternative: Alternative) -> dict[str, list[str]]:
    return {name: sorted(scopes) for name, scopes in alternative.items()}


def _refused(
    found: Findings,
    context: Context,
    places: tuple[Node, Node],
    facts: tuple[str, Alternative, list[Alternative]],
) -> None:
    prefix, alternative, after = facts
    names = ", ".join(f"`{name[:60]}`" for name in alternative)
    if not alternative:
        kind = f"{prefix}_BECAME_REQUIRED"
        who = "that send no credentials"
    elif any(other.keys() == alternative.keys() for other in after):
        kind = f"{prefix}_SCOPE_ADDED"
        who = f"whose {names} lacks the new scopes"
    else:
        kind = f"{prefix}_REMOVED"
        who = f"that hold {names}"
    advice = f"Clients of {context.operation} {who} are refused: keep it as one alternative."
    values = _shown(alternative), [_shown(other) for other in after]
    found.add(context, kind, ERROR, places, values=values, advice=advice)
