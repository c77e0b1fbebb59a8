"""`image` and `services`: containers that a job wants. An executor without containers says so.

https://docs.gitlab.com/ci/yaml/#image and https://docs.gitlab.com/ci/yaml/#services
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.engine.problems import short
from pipelines.engine.source import Items, Map
from pipelines.engine.values import forms
from pipelines.engine.values.forms import At, Form
from pipelines.engine.variables import text_of

POLICIES = ("always", "if-not-present", "never")
_IMAGE = frozenset({"name", "entrypoint", "pull_policy", "docker", "kubernetes"})
_SERVICE = _IMAGE | {"alias", "command", "variables"}


@dataclass(frozen=True, slots=True)
class Image:
    name: str
    entrypoint: tuple[str, ...] | None = None  # None: the image's own; empty: none
    pull_policy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """A container beside the job; hosts that it answers to are its aliases."""

    name: str
    alias: str = ""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    pull_policy: tuple[str, ...] = ()

    @property
    def aliases(self) -> tuple[str, ...]:
        return tuple(self.alias.replace(",", " ").split())


def read_image(given: Any, at: At) -> Image | None:
    """None for an empty text, by which a job takes back the default."""
    if not isinstance(given, Map):
        name = forms.text(given, at)
        return Image(name) if name.strip() else None
    form = forms.form(given, at, _IMAGE)
    return Image(_name(form), _entrypoint(form), _policies(form))


def read_services(given: Any, at: At) -> tuple[Service, ...]:
    if not isinstance(given, Items):
        raise at.wrong("takes a list", "Write - postgres:17.")
    flat = [deeper for one in given for deeper in (one if isinstance(one, Items) else [one])]
    if len(flat) > forms.MAX_ITEMS:
        raise at.wrong(f"has more than {forms.MAX_ITEMS} services", "List fewer.")
    return tuple(_service(one, at) for one in flat)


def _service(given: Any, at: At) -> Service:
    if not isinstance(given, Map):
        return Service(forms.name(given, at))
    form = forms.form(given, at, _SERVICE)
    command = form.given.get("command")
    return Service(
        name=_name(form),
        alias=form.text("alias"),
        entrypoint=_entrypoint(form),
        command=() if command is None else forms.one_or_more(command, form.place("command")),
        variables=_variables(form),
        pull_policy=_policies(form),
    )


def _name(form: Form) -> str:
    if not form.text("name").strip():
        raise form.at.wrong("has no name", "Add name: alpine:3.")
    return form.text("name")


def _entrypoint(form: Form) -> tuple[str, ...] | None:
    return form.texts("entrypoint") if form.has("entrypoint") else None


def _policies(form: Form) -> tuple[str, ...]:
    if not form.has("pull_policy"):
        return ()
    place = form.place("pull_policy")
    found = forms.one_or_more(form.given["pull_policy"], place)
    if unknown := [one for one in found if one not in POLICIES]:
        raise place.wrong(f"is {short(unknown[0])}", f"Use {', '.join(POLICIES)}.")
    return found


def _variables(form: Form) -> tuple[tuple[str, str], ...]:
    given = form.given.get("variables")
    if given is None:
        return ()
    if not isinstance(given, Map):
        raise form.place("variables").wrong("takes a map", "Write NAME: value.")
    return tuple((name, text_of(value) or "") for name, value in given.items())
