"""A page with a form whose work is one service call."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from idp.common.errors import Clash, Invalid, Refusal
from idp.common.host import Page
from rbac.forms import add_errors
from rbac.views.mixins import AccessMixin


class ServiceFormView(AccessMixin):
    """Shows `form_class`; POST calls `perform`, whose refusals stand beside the fields (422)."""

    form_class: ClassVar[type[forms.Form]]
    template_name: ClassVar[str] = "rbac/form.html"
    submit: ClassVar[str] = "Save"

    def page(self) -> Page:
        raise NotImplementedError

    def initial(self) -> dict[str, Any]:
        """Values of the fields; GET parameters of the same names come on top."""
        return {}

    def extra(self) -> dict[str, Any]:
        return {}

    def perform(self, form: Any) -> HttpResponse:
        raise NotImplementedError

    def show(self, form: forms.Form, status: int = 200) -> HttpResponse:
        context = {"form": form, "page": self.page(), "submit": self.submit, **self.extra()}
        return render(self.request, self.template_name, context, status=status)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        known = {key: value for key, value in request.GET.items() if key in self.fields()}
        return self.show(self.form_class(initial={**self.initial(), **known}))

    def fields(self) -> set[str]:
        return set(self.form_class.base_fields)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.form_class(request.POST)
        if form.is_valid():
            try:
                return self.perform(form)
            except (Invalid, Clash, Refusal) as error:
                add_errors(form, error)
        return self.show(form, status=422)
