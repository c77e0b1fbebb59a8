"""The template tags of every page: `{% load slipway %}`. Usage: templates/components/README.md."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from portal.vocabulary import look
from rbac import granters
from rbac.access import decide
from rbac.requests import actor_of

register = template.Library()
KEPT = 1024  # icons and states as they are drawn


@register.simple_tag
@lru_cache(maxsize=KEPT)
def icon(name: str, css: str = "", label: str = "") -> SafeString:
    """An icon of `static/icons.svg`: decoration, or an image with a name when `label` is given."""
    classes = f"icon {css}".strip()
    sheet = static("icons.svg")
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}#i-{}"/></svg>',
            classes,
            label,
            sheet,
            name,
        )
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', classes, sheet, name
    )


@register.simple_tag
def status(word: Any, label: str = "", *, quiet: bool = False) -> SafeString:
    """Icon, word and colour of a state; `label` replaces the word, `quiet` hides it from sight."""
    return _status(str(word), str(label or word), quiet=quiet)


@lru_cache(maxsize=KEPT)
def _status(word: str, text: str, *, quiet: bool) -> SafeString:
    seen = look(word)
    return format_html(
        '<span class="sw-status is-{}">{}<span{}>{}</span></span>',
        seen.tone,
        icon(seen.icon, "sw-spin" if seen.spin else ""),
        mark_safe(' class="visually-hidden"') if quiet else "",  # a constant
        text[:1].upper() + text[1:],
    )


@register.simple_tag
def pill(word: Any, label: str = "") -> SafeString:
    """The one state that a page is about, filled."""
    text = label or str(word)
    seen = look(str(word))
    return format_html(
        '<span class="sw-pill is-{}">{}{}</span>',
        seen.tone,
        icon(seen.icon, "sw-spin" if seen.spin else ""),
        text[:1].upper() + text[1:],
    )


@register.filter
def tone(word: Any) -> str:
    """The class of a state's tone: `is-ok`, `is-warn`, `is-bad`, `is-busy` or `is-idle`."""
    return f"is-{look(str(word)).tone}"


@register.simple_tag
def status_icon(word: Any, css: str = "") -> SafeString:
    """Only the icon of a state, where the word stands beside it already."""
    seen = look(str(word))
    return icon(seen.icon, f"{css} {'sw-spin' if seen.spin else ''}".strip())


@register.simple_tag
def ago(moment: datetime | None, empty: str = "never") -> SafeString:
    """A moment as the reader's browser says it ("4 min ago"); ISO in UTC without JavaScript."""
    return format_html('<span class="sw-t3">{}</span>', empty) if moment is None else _ago(moment)


@lru_cache(maxsize=KEPT)
def _ago(moment: datetime) -> SafeString:
    iso = moment.isoformat(timespec="seconds")
    text = f"{moment:%Y-%m-%d %H:%M}"
    return format_html(
        '<relative-time datetime="{}" title="{} UTC" prefix="">{} UTC</relative-time>',
        iso,
        text,
        text,
    )


@register.simple_tag
def until(moment: datetime | None, empty: str = "no end") -> SafeString:
    """When something ends, and in words that it has ended where that is so."""
    if moment is None or moment > timezone.now():
        return ago(moment, empty)
    return format_html(
        '<span class="sw-status is-idle">{}<span>ended {}</span></span>',
        icon("clock-pause"),
        ago(moment),
    )


@register.simple_tag
def tier(name: str) -> SafeString:
    return format_html(
        '<span class="sw-tag{}">{}</span>', " is-prod" if name == "production" else "", name
    )


@register.simple_tag
def copy(text: Any, label: str = "Copy") -> SafeString:
    """A small button that copies `text`; needs JavaScript and is hidden without it."""
    return format_html(
        '<button class="sw-iconbtn is-small only-js" type="button" data-copy="{}"'
        ' aria-label="{}">{}</button>',
        text,
        label,
        icon("copy"),
    )


@register.simple_tag
@lru_cache(maxsize=KEPT)
def avatar(name: str, css: str = "") -> SafeString:
    """Initials in a circle: "dana.dev" gives DD."""
    words = [w for w in name.replace("-", ".").replace("_", ".").replace(" ", ".").split(".") if w]
    initials = "".join(word[0] for word in words[:2]).upper() or "?"
    classes = f"sw-avatar {css}".strip()
    return format_html('<span class="{}" aria-hidden="true">{}</span>', classes, initials)


@register.simple_tag
def person(name: str) -> SafeString:
    return format_html('<span class="sw-person">{}{}</span>', avatar(name), name)


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, width: int = 12, hint: str = "") -> dict[str, Any]:
    """A form field with label, help and error; `width` of 12 columns, `hint` right of the label."""
    return {"field": bound, "width": width, "hint": hint, **_described(bound)}


def _described(bound: BoundField) -> dict[str, Any]:
    """The control with the attributes that tie it to its help and error."""
    ids = [f"{bound.id_for_label}-{part}" for part, there in _parts(bound) if there]
    attributes: dict[str, Any] = {}
    if ids:
        attributes["aria-describedby"] = " ".join(ids)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    kind = getattr(bound.field.widget, "input_type", "")
    if kind in {"checkbox", "radio"}:
        css = "form-check-input"
    elif kind == "select":
        css = "form-select"
    else:
        css = "form-control"
    own = bound.field.widget.attrs.get("class", "")
    attributes["class"] = f"{css} {own}".strip()
    return {"control": bound.as_widget(attrs=attributes), "kind": kind}


def _parts(bound: BoundField) -> tuple[tuple[str, bool], ...]:
    return (("help", bool(bound.help_text)), ("error", bool(bound.errors)))


@register.inclusion_tag("components/state.html", takes_context=True)
def lacking(
    context: template.RequestContext,
    permission: str,
    title: str,
    what: str = "That",
    **more: Any,
) -> dict[str, Any]:
    """The state without rows of people who lack a permission: what it is, and who can grant it."""
    decision = decide(actor_of(context["request"]), permission, None)
    advice = granters.advice(granters.names(decision), decision)
    text = f"{what} needs {permission} in a project. {advice}"
    return {"icon": "lock", "title": title, "text": text, **more}


@register.simple_tag
def jinja(name: str, **context: Any) -> SafeString:
    """A part rendered by Jinja2, for the rows of long tables: templates/jinja2/<name>."""
    rendered: str = get_template(name, using="jinja2").render(context)
    return mark_safe(rendered)  # noqa: S308  # Jinja2 escapes by itself


@register.simple_tag
def drawn(name: str, **values: Hashable) -> SafeString:
    """A part of a page that these values alone decide, rendered once for each; see README.md."""
    draw = _drawn.__wrapped__ if settings.DEBUG else _drawn  # who edits it sees it at once
    return draw(name, **values)


@lru_cache(maxsize=KEPT)
def _drawn(name: str, **values: Hashable) -> SafeString:
    return mark_safe(get_template(name).render({**values}))  # noqa: S308  # the template escapes


@register.simple_tag(takes_context=True)
def panel(context: template.RequestContext, filled: Any) -> str:
    """A home panel's template; what its app answered are its variables, and all of it `data`."""
    values = {**filled.data, "data": filled.data}
    return get_template(filled.template).render(values, context.request)


@register.filter
def lookup(mapping: Mapping[str, Any], key: str) -> Any:
    """`mapping[key]`, or nothing."""
    return mapping.get(key, "")


@register.filter
def value(field_value: Any) -> SafeString:
    """A value of a plan or audit record as a person reads it: text as is, the rest as JSON-like."""
    if field_value is None:
        return format_html('<span class="sw-t3">{}</span>', "not set")
    if isinstance(field_value, bool):
        return conditional_escape("true" if field_value else "false")
    return format_html("<code>{}</code>", field_value)
