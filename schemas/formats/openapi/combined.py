"""`oneOf`, `anyOf` and `allOf`: which branches are the same, which came and which went."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import INFORMATION, Context, Effect, Findings
from schemas.formats.openapi.pairs import Pair
from schemas.formats.openapi.shape import Shape, equivalent, frozen, keywords

_UNIONS = {"oneOf": "ONE_OF", "anyOf": "ANY_OF"}
_NAMES = {**_UNIONS, "allOf": "ALL_OF"}


def compare_combined(found: Findings, context: Context, old: Shape, new: Shape) -> list[Pair]:
    """Note branches that came and went; the pairs of those that stayed."""
    _discriminator(found, context, old.node, new.node)
    pairs = _branches(found, context, (old.node, new.node), "allOf")
    for keyword in _UNIONS:
        before, after = keyword in old.node, keyword in new.node
        if before == after:
            pairs += _branches(found, context, (old.node, new.node), keyword)
        else:
            _union_as_a_whole(found, context, (old.node, new.node), keyword)
    return pairs


def _union_as_a_whole(
    found: Findings, context: Context, places: tuple[Node, Node], keyword: str
) -> None:
    """A union beside other keywords is one constraint more or less."""
    way, effect = ("SET", Effect.NARROWS) if keyword in places[1] else ("UNSET", Effect.WIDENS)
    told = f"{context.what} that fits none of the branches", f"keep `{keyword}` as it was"
    found.effect(context, f"{_UNIONS[keyword]}_{way}", effect, places, told=told)


# -- one schema that becomes a branch, and back --------------------------------


def wrapping(found: Findings, context: Context, old: Shape, new: Shape) -> list[Pair] | None:
    """Judge a plain schema against a combination of schemas; None when it is no such case."""
    before, after = _pure(old.node), _pure(new.node)
    plain = old.node if after else new.node
    if (before is None) == (after is None) or not keywords(plain):
        return None
    keyword = after or before or ""
    sides = [
        [shape.node] if pure is None else shape.node.entries(keyword)
        for shape, pure in ((old, before), (new, after))
    ]
    matched, gone, came = match(sides[0], sides[1], lambda a, b: equivalent(a, b, found.budget))
    places = old.node, new.node
    if matched:
        _changed(found, context, places, (keyword, gone, came))
        return [Pair(a, b, context) for a, b in matched]
    if keyword == "allOf":
        return None
    rule = f"{'WRAPPED_IN' if after else 'UNWRAPPED_FROM'}_{_NAMES[keyword]}"
    told = f"other kinds of {context.what}", f"keep every schema as a branch of `{keyword}`"
    found.effect(context, rule, Effect.INCOMPARABLE, places, told=told)
    return []


def _pure(node: Node) -> str | None:
    """The keyword of a schema that is nothing but a combination of others."""
    found = keywords(node) - {"nullable"}
    return next((keyword for keyword in _NAMES if found == {keyword}), None)


# -- branches -----------------------------------------------------------------------------


def _branches(
    found: Findings, context: Context, places: tuple[Node, Node], keyword: str
) -> list[Pair]:
    before, after = (place.entries(keyword) for place in places)
    if not before and not after:
        return []
    matched, gone, came = match(before, after, lambda a, b: equivalent(a, b, found.budget))
    _changed(found, context, places, (keyword, gone, came))
    return [Pair(a, b, context) for a, b in matched]


def _changed(
    found: Findings,
    context: Context,
    places: tuple[Node, Node],
    changes: tuple[str, list[Node], list[Node]],
) -> None:
    """Note the branches that went and those that came."""
    keyword, gone, came = changes
    for node in gone:
        _branch(found, context, (node, places[1]), (keyword, "REMOVED"), node)
    for node in came:
        _branch(found, context, (places[0], node), (keyword, "ADDED"), node)


def _branch(
    found: Findings,
    context: Context,
    places: tuple[Node, Node],
    rule: tuple[str, str],
    node: Node,
) -> None:
    keyword, way = rule
    name = _NAMES[keyword]
    if keyword == "allOf" and isinstance(node.value, dict) and not keywords(node):
        kind = f"{context.side.value}_{context.scope.value}_ALL_OF_{way}_ANNOTATION_ONLY"
        found.add(context, kind, INFORMATION, places)
        return
    narrows = (way == "ADDED") is (keyword == "allOf")
    effect = Effect.NARROWS if narrows else Effect.WIDENS
    called = node.called.rpartition("/")[2] or node.text("title") or "the branch"
    told = f"{context.what} as `{called[:60]}` allows", f"keep the branches of `{keyword}`"
    if keyword == "allOf":
        told = f"{context.what} without what `{called[:60]}` asks for", "keep `allOf` as it was"
    found.effect(context, f"{name}_{way}", effect, places, told=told)


def match(
    before: Sequence[Node], after: Sequence[Node], same: Callable[[Node, Node], bool]
) -> tuple[list[tuple[Node, Node]], list[Node], list[Node]]:
    """Pairs of branches that are one, then those that are only before and only after.

    By the reference's name, by equal text, by equal content, then by title; a single inline
    branch that is left on either side is one that changed.
    """
    gone, came = list(before), list(after)
    matched: list[tuple[Node, Node]] = []
    _take(matched, gone, came, _reference)
    _take(matched, gone, came, _text)
    _take_same(matched, gone, came, same)
    _take(matched, gone, came, _title)
    if len(gone) == len(came) == 1 and not gone[0].called and not came[0].called:
        matched.append((gone.pop(), came.pop()))
    return matched, gone, came


def _reference(node: Node) -> str:
    return node.called


def _text(node: Node) -> str:
    return frozen(node.value)


def _title(node: Node) -> str:
    return "" if node.called else node.text("title")


def _take(
    matched: list[tuple[Node, Node]],
    gone: list[Node],
    came: list[Node],
    key: Callable[[Node], str],
) -> None:
    named: dict[str, list[Node]] = {}
    for node in came:
        if key(node):
            named.setdefault(key(node), []).append(node)
    for node in list(gone):
        others = named.get(key(node))
        if others:
            other = others.pop(0)
            matched.append((node, other))
            gone.remove(node)
            came.remove(other)


def _take_same(
    matched: list[tuple[Node, Node]],
    gone: list[Node],
    came: list[Node],
    same: Callable[[Node, Node], bool],
) -> None:
    for node in list(gone):
        other = next((candidate for candidate in came if same(node, candidate)), None)
        if other is not None:
            matched.append((node, other))
            gone.remove(node)
            came.remove(other)


def _discriminator(found: Findings, context: Context, old: Node, new: Node) -> None:
    before, after = old.raw("discriminator"), new.raw("discriminator")
    if before == after:
        return
    places, values = (old, new), (before, after)
    if not isinstance(before, dict) or not isinstance(after, dict):
        way = "ADDED" if before is None else "REMOVED"
        found.effect(context, f"DISCRIMINATOR_{way}", Effect.NONE, places, values=values)
        return
    if before.get("propertyName") != after.get("propertyName"):
        found.effect(
            context, "DISCRIMINATOR_PROPERTY_NAME_CHANGED", Effect.NONE, places, values=values
        )
    first, second = before.get("mapping") or {}, after.get("mapping") or {}
    if first != second:
        found.effect(
            context, "DISCRIMINATOR_MAPPING_CHANGED", Effect.NONE, places, values=(first, second)
        )
