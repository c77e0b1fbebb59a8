"""Two schemas that meet, and where: what a comparison leaves to the walk in `schemas`."""

from __future__ import annotations

from typing import NamedTuple

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import Context


class Pair(NamedTuple):
    old: Node
    new: Node
    context: Context
