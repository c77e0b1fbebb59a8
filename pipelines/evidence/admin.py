"""The admin site's rules: by the services, as everywhere else; the editor previews them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from idp.common.errors import Invalid
from pipelines.evidence import language, services
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.services import FIELDS, MANAGE, VIEW
from rbac.admin import AuditedAdmin


class RuleForm(forms.ModelForm):
    class Meta:
        model = EvidenceRule
        fields = ("name", "scope", *FIELDS)

    def clean_condition(self) -> str:
        """Judge it as the service will, so that its refusal stands beside the field."""
        text = str(self.cleaned_data["condition"])
        try:
            language.parts(text)
        except Invalid as error:
            raise forms.ValidationError(f"{error.message} {error.fix}".strip()) from error
        return text


@admin.register(EvidenceRule)
class EvidenceRuleAdmin(AuditedAdmin):
    view_permission = VIEW
    add_permission = change_permission = delete_permission = MANAGE
    form = RuleForm
    list_display = ("name", "title", "scope", "severity", "active", "revision", "changed_at")
    list_filter = ("severity", "active")
    search_fields = ("name", "title")
    list_select_related = ("scope__project_scope",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "scope") if obj else ()

    def perform_add(self, request: HttpRequest, obj: EvidenceRule, form: Any) -> None:
        given = {name: form.cleaned_data[name] for name in ("name", "scope", *FIELDS)}
        obj.pk = services.add_rule(self.actor(request), **given).pk

    def perform_change(self, request: HttpRequest, obj: EvidenceRule, form: Any) -> None:
        former = EvidenceRule.objects.select_related("scope").get(pk=obj.pk)
        given = {name: form.cleaned_data[name] for name in FIELDS}
        services.change_rule(self.actor(request), former, **given)

    def perform_delete(self, request: HttpRequest, obj: EvidenceRule) -> None:
        services.remove_rule(self.actor(request), obj)
