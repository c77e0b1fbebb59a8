"""`release`: a release made of the commit after the job has passed.

https://docs.gitlab.com/ci/yaml/#release
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.engine.source import Items
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At, Form

LINK_TYPES = ("other", "runbook", "package", "image")
_KEYS = frozenset(
    {
        "assets",
        "description",
        "milestones",
        "name",
        "ref",
        "released_at",
        "tag_message",
        "tag_name",
    }
)


@dataclass(frozen=True, slots=True)
class Link:
    name: str
    url: str
    filepath: str = ""
    link_type: str = "other"


@dataclass(frozen=True, slots=True)
class Release:
    tag_name: str
    description: str
    name: str = ""
    tag_message: str = ""
    ref: str = ""
    milestones: tuple[str, ...] = ()
    released_at: str = ""
    links: tuple[Link, ...] = ()


def read_release(given: Any, at: At) -> Release:
    form = forms.form(given, at, _KEYS)
    for name in ("tag_name", "description"):
        if not form.text(name).strip():
            raise at.wrong(f"has no {name}", f"Add {name}: …")
    return Release(
        tag_name=form.text("tag_name"),
        description=form.text("description"),
        name=form.text("name"),
        tag_message=form.text("tag_message"),
        ref=form.text("ref"),
        milestones=_milestones(form),
        released_at=form.text("released_at"),
        links=_links(form),
    )


def _milestones(form: Form) -> tuple[str, ...]:
    if not form.has("milestones"):
        return ()
    return forms.one_or_more(form.given["milestones"], form.place("milestones"))


def _links(form: Form) -> tuple[Link, ...]:
    assets = form.form("assets", {"links"})
    if assets is None or not assets.has("links"):
        return ()
    place, given = assets.place("links"), assets.given["links"]
    if not isinstance(given, Items) or len(given) > forms.MAX_ITEMS:
        raise place.wrong("takes a list of links", "Write - {name: …, url: …}.")
    return tuple(_link(one, place) for one in given)


def _link(given: Any, at: At) -> Link:
    form = forms.form(given, at, {"name", "url", "filepath", "link_type"})
    if not form.text("name") or not form.text("url"):
        raise at.wrong("has a link without name or url", "Add both.")
    kind = form.one_of("link_type", LINK_TYPES, "other")
    return Link(form.text("name"), form.text("url"), form.text("filepath"), kind)
