"""Kinds of catalog entities that upper apps keep: what `catalog-info.yaml` says of them, they read.

`portal.catalog` keeps components itself and hands every other document to the reader of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from idp.common.host import Registry
from rbac.access import Actor
from rbac.models import Project

# Keeps one document of a project and says in a sentence what was done; raises `SlipwayError`, whose
# fields stand below the document. Called inside the import's transaction.
Reader = Callable[[Actor, Project, Mapping[str, Any]], str]


@dataclass(frozen=True)
class EntityKind:
    """A kind by its name in the file: `API`."""

    key: str
    read: Reader
    order: int = 50


kinds: Registry[EntityKind] = Registry()
