"""Controls of the form that is made from a blueprint's schema; how a change's state looks."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BoundField

from environments.forms import CreateForm, Item
from idp.changes import presentation

register = template.Library()
register.filter("change_look", presentation.look)


@register.inclusion_tag("environments/parts/control.html")
def control(form: CreateForm, item: Item) -> dict[str, Any]:
    """One control by its widget: cards, toggle, stepper, a resource's row, or a plain field."""
    if item.widget == "resource":
        kind, name = form[f"{item.name}-kind"], form[f"{item.name}-name"]
        return {
            "item": item,
            "pair": (kind, name),
            "kind_control": _labelled(kind, "form-select"),
            "name_control": _labelled(name, "form-control sw-mono"),
        }
    bound = form[item.name]
    context: dict[str, Any] = {"item": item, "bound": bound}
    if item.widget == "cards":
        context["cards"] = _cards(bound, item)
    elif item.widget == "stepper":
        low = getattr(bound.field, "min_value", None)
        high = getattr(bound.field, "max_value", None)
        context["range"] = f"{low} to {high}" if low is not None and high is not None else ""
        context["stepper_control"] = bound.as_widget(
            attrs={**_described(bound), "class": "form-control num text-center"}
        )
    return context


def _described(bound: BoundField) -> dict[str, str]:
    found = {}
    if bound.errors:
        found["aria-invalid"] = "true"
    parts = [("help", bound.help_text), ("error", bound.errors)]
    ids = [f"{bound.id_for_label}-{part}" for part, there in parts if there]
    if ids:
        found["aria-describedby"] = " ".join(ids)
    return found


def _labelled(bound: BoundField, css: str) -> str:
    label = {"aria-label": str(bound.label)}
    attrs: dict[str, str | bool] = {**_described(bound), **label, "class": css}
    attrs.pop("aria-describedby", None)
    return bound.as_widget(attrs=attrs)


def _cards(bound: BoundField, item: Item) -> list[dict[str, Any]]:
    """A card each choice: its label, what it comes to, and whether it is chosen."""
    labels, details = item.hints.get("labels", {}), item.hints.get("details", {})
    value = bound.value()
    chosen = "" if value is None else str(value)
    return [
        {
            "value": value,
            "label": label,
            "detail": details.get(value) or str(labels.get(value, "")).partition("|")[2],
            "checked": str(value) == chosen,
        }
        for value, label in bound.field.choices  # type: ignore[attr-defined]  # a ChoiceField
    ]
