"""`AuditedAdmin`: admin pages by the same decisions and the same audit as everything else.

Upper apps subclass it and name their permissions; nothing else is needed.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from idp.common.crypto import EncryptedTextField
from idp.common.errors import Clash, FieldError, Invalid, Refusal, SlipwayError
from rbac import audit
from rbac.access import can, held_anywhere, require, visible
from rbac.actors import Actor
from rbac.places import place_of
from rbac.requests import actor_of

HIDDEN = "(not shown)"
_REFUSAL = "slipway_refusal"  # on a request: what a service said to its form


def _refused(form: type[ModelForm], error: SlipwayError) -> type[ModelForm]:
    """The form with a service's errors, beside the fields that they name."""

    def full_clean(self: ModelForm) -> None:
        form.full_clean(self)
        told = error.errors or (FieldError("", "", error.message, error.fix),)
        for one in told:
            name = one.field.rpartition(".")[2]
            self.add_error(
                name if name in self.fields else None, f"{one.message} {one.fix}".strip()
            )

    return type(form.__name__, (form,), {"full_clean": full_clean})


class AuditedAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no stubs
    """Asks `decide` for every page and write; records before and after of every write.

    An empty permission forbids that act. `secret_fields` and encrypted fields are named in the
    record, never shown. Override `perform_*` to call a service that decides and audits by itself.
    """

    view_permission: ClassVar[str] = ""
    add_permission: ClassVar[str] = ""
    change_permission: ClassVar[str] = ""
    delete_permission: ClassVar[str] = ""
    secret_fields: ClassVar[tuple[str, ...]] = ()

    def actor(self, request: HttpRequest) -> Actor:
        return actor_of(request)

    def _may(self, request: HttpRequest, permission: str, obj: Model | None) -> bool:
        actor = self.actor(request)
        if not permission or not held_anywhere(actor, "admin.view"):
            return False
        return held_anywhere(actor, permission) if obj is None else can(actor, permission, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.view_permission, None)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.view_permission, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.add_permission, None)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.change_permission, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.delete_permission, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible(self.actor(request), self.view_permission, super().get_queryset(request))

    def facts(self, obj: Model) -> dict[str, Any]:
        """The row for the audit record: each column, secrets only by name."""
        found: dict[str, Any] = {}
        for field in obj._meta.concrete_fields:
            hidden = isinstance(field, EncryptedTextField) or field.name in self.secret_fields
            value = field.value_from_object(obj)
            found[field.name] = (HIDDEN if value else "") if hidden else value
        return found

    def perform_add(self, request: HttpRequest, obj: Any, form: Any) -> None:
        """Decide at the new row's place, save, record."""
        actor = self.actor(request)
        require(actor, self.add_permission, obj if place_of(obj) else None)
        obj.save()
        audit.record(actor, self.add_permission, target=obj, after=self.facts(obj))

    def perform_change(self, request: HttpRequest, obj: Any, form: Any) -> None:
        """Decide at the row's place before and after the change, save, record what changed."""
        actor = self.actor(request)
        former = type(obj)._default_manager.get(pk=obj.pk)
        require(actor, self.change_permission, former)
        require(actor, self.change_permission, obj)
        before, after = self.facts(former), self.facts(obj)
        obj.save()
        changed = {name for name in after if before[name] != after[name]}
        changed |= {name for name in form.changed_data if name in after}
        audit.record(
            actor,
            self.change_permission,
            target=obj,
            before={name: before[name] for name in sorted(changed)},
            after={name: after[name] for name in sorted(changed)},
        )

    def perform_delete(self, request: HttpRequest, obj: Any) -> None:
        actor = self.actor(request)
        require(actor, self.delete_permission, obj)
        audit.record(actor, self.delete_permission, target=obj, before=self.facts(obj))
        obj.delete()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            if change:
                self.perform_change(request, obj, form)
            else:
                self.perform_add(request, obj, form)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self.perform_delete(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for obj in queryset:
                self.perform_delete(request, obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A service's refusal stands in the form, which keeps its input; nothing is saved."""
        show = super().changeform_view
        try:
            response: HttpResponse = show(request, object_id, form_url, extra_context)
        except (Invalid, Clash, Refusal) as error:
            setattr(request, _REFUSAL, error)
            response = show(request, object_id, form_url, extra_context)
        return response

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        """The form, invalid by the service's word where this request was refused already."""
        form: type[ModelForm] = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, _REFUSAL, None)
        return form if refusal is None else _refused(form, refusal)

    # Django's own log of the admin would be a second, mutable trail.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None: ...

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None: ...

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None: ...
