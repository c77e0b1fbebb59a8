"""One's own account: profile, sessions, tokens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from idp.common.errors import NotVisible
from idp.common.host import Page
from rbac import selectors
from rbac.forms import ProfileForm, TokenForm
from rbac.models import RoleBinding, ServiceAccount, User
from rbac.services import create_token, revoke_token, update_profile
from rbac.services.sessions import end_session, live_sessions
from rbac.views.forms import ServiceFormView
from rbac.views.mixins import AccessMixin

OWN = "One's own account needs no role."


class Account(ServiceFormView):
    """Profile with the lists of sessions and tokens beside it."""

    signed_in = OWN
    form_class = ProfileForm
    template_name = "rbac/account.html"

    def _user(self) -> User:
        if self.actor.user is None:
            raise NotVisible("Nobody is signed in.")
        return self.actor.user

    def page(self) -> Page:
        return Page("Account", api="/api/v1/me/")

    def initial(self) -> dict[str, Any]:
        user = self._user()
        return {"first_name": user.first_name, "last_name": user.last_name, "email": user.email}

    def extra(self) -> dict[str, Any]:
        user = self._user()
        own = RoleBinding.objects.filter(
            Q(user=user) | Q(team__memberships__user=user),
            Q(ends_at=None) | Q(ends_at__gt=timezone.now()),
        )
        return {
            "sessions": live_sessions(user),
            "this_session": self.request.session.session_key,
            "tokens": selectors.tokens(self.actor).filter(user=user, revoked_at=None),
            "bindings": own.distinct().select_related("role", "team", "scope__project_scope"),
        }

    def perform(self, form: Any) -> HttpResponse:
        update_profile(self.actor, **form.cleaned_data)
        messages.success(self.request, "Your profile is saved.")
        return redirect("rbac:account")


class TokenNew(ServiceFormView):
    """A token for oneself, or with `?for=` for a service account; its text is shown once."""

    permission = "token.create"
    form_class = TokenForm
    submit = "Create token"

    def page(self) -> Page:
        crumbs = [("Account", "/account/")]
        return Page(f"New token of {self._owner().username}", crumbs, api="/api/v1/tokens/")

    def _owner(self) -> User:
        name = self.request.GET.get("for", "")
        if self.actor.user is None:
            raise NotVisible("Nobody is signed in.")
        if not name:
            return self.actor.user
        account: ServiceAccount | None = (
            selectors.service_accounts(self.actor).filter(user__username=name).first()
        )
        if account is None:
            raise NotVisible(f"There is no service account {name[:80]}.")
        return account.user

    def perform(self, form: Any) -> HttpResponse:
        path = form.cleaned_data["scope"]
        token, text = create_token(
            self.actor,
            user=self._owner(),
            name=form.cleaned_data["name"],
            permissions=form.cleaned_data["permissions"],
            scope=selectors.scope_at(self.actor, path) if path else None,
            expires_at=form.expires_at,
        )
        context = {
            "page": Page("Copy your token now", [("Account", "/account/")]),
            "token": token,
            "text": text,
        }
        response = render(self.request, "rbac/token_made.html", context, status=201)
        response["Cache-Control"] = "no-store"
        return response


class TokenRevoke(AccessMixin):
    permission = "token.create"

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        token = selectors.tokens(self.actor).filter(pk=pk).first()
        if token is None:
            raise NotVisible("There is no such token of yours.")
        revoke_token(self.actor, token)
        messages.success(request, f"The token {token.name} is revoked.")
        return redirect("rbac:account")


class SessionEnd(AccessMixin):
    signed_in = OWN

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.actor.user.sign_ins.filter(pk=pk).first() if self.actor.user else None
        if row is None:
            raise NotVisible("There is no such session of yours.")
        end_session(self.actor, row)
        messages.success(request, "That session is ended.")
        return redirect("rbac:account")
