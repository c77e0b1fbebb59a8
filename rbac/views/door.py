"""The pages in front of the door: sign-in, sign-out, invitation, password reset."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme

from idp.common.errors import NotVisible
from idp.common.host import Page
from rbac import audit
from rbac.actors import Actor
from rbac.forms import InvitationForm, SignInForm, add_errors
from rbac.models import User
from rbac.requests import address_of
from rbac.services import accept_invitation, open_invitation
from rbac.services.sessions import TooManyGuesses, end_sessions, open_session, sign_in, sign_out
from rbac.views.forms import ServiceFormView
from rbac.views.mixins import AccessMixin


def _next(request: HttpRequest) -> str:
    """Where to go after sign-in; only addresses of this host."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else "/"


class SignIn(ServiceFormView):
    public = "Who signs in is not signed in yet."
    form_class = SignInForm
    template_name = "rbac/sign_in.html"

    def page(self) -> Page:
        return Page("Sign in")

    def extra(self) -> dict[str, Any]:
        return {"next": _next(self.request), "demo_people": settings.DEMO_SIGN_IN}

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if self.actor.user is not None:
            return redirect(_next(request))
        return super().get(request, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, **kwargs)
        except TooManyGuesses as error:
            form = SignInForm(request.POST)
            add_errors(form, error)
            return self.show(form, status=429)

    def perform(self, form: Any) -> HttpResponse:
        sign_in(self.request, **form.cleaned_data)
        return HttpResponseRedirect(_next(self.request))


class SignOut(AccessMixin):
    public = "Signing out harms nobody who is not signed in."

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "rbac/sign_out.html", {"page": Page("Sign out")})

    def post(self, request: HttpRequest) -> HttpResponse:
        sign_out(request, self.actor)
        return redirect("rbac:sign-in")


class Invitation(ServiceFormView):
    public = "The link is the right: it is random, works once and ends."
    form_class = InvitationForm
    template_name = "rbac/invitation.html"

    def page(self) -> Page:
        return Page("Welcome to Slipway")

    def extra(self) -> dict[str, Any]:
        return {"invitation": self.invitation}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            self.invitation = open_invitation(kwargs["token"])
        except NotVisible as error:
            context = {"page": Page("This invitation does not work"), "error": error}
            return render(request, "rbac/door_closed.html", context, status=404)
        return super().dispatch(request, *args, **kwargs)

    def perform(self, form: Any) -> HttpResponse:
        user = accept_invitation(
            self.kwargs["token"], address=address_of(self.request), **form.cleaned_data
        )
        open_session(self.request, user)
        return redirect("/")


class _Reset:
    """What the four pages of Django's password reset share."""

    public: ClassVar[str] = "Who forgot the password cannot be signed in."
    permission: ClassVar[str] = ""
    permissions: ClassVar[dict[str, str]] = {}
    heading: ClassVar[str] = ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]  # of Django's view beside it
        return {**found, "page": Page(self.heading)}


class PasswordReset(_Reset, auth_views.PasswordResetView):
    heading = "Reset your password"
    template_name = "rbac/password_reset.html"
    email_template_name = "rbac/mail/password_reset.txt"
    subject_template_name = "rbac/mail/password_reset_subject.txt"
    success_url = reverse_lazy("rbac:password-reset-sent")


class PasswordResetSent(_Reset, auth_views.PasswordResetDoneView):
    heading = "Look into your mail"
    template_name = "rbac/password_reset_sent.html"


class PasswordResetConfirm(_Reset, auth_views.PasswordResetConfirmView):
    heading = "Choose a new password"
    template_name = "rbac/password_reset_confirm.html"
    success_url = reverse_lazy("rbac:sign-in")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        user: User = form.user
        end_sessions(user)
        audit.record(
            Actor(user=user, address=address_of(self.request)), "user.reset-password", target=user
        )
        messages.success(self.request, "The password is changed. Sign in with the new one.")
        return response
