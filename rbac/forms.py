"""Forms of the access pages; what they collect goes to a service, whose errors come back here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from idp.common.errors import SlipwayError
from rbac import permissions
from rbac.models import Project, Role, Team, User


def add_errors(form: forms.Form, error: SlipwayError) -> None:
    """Put a service's refusal beside its fields; what belongs to no field goes to the head."""
    for entry in error.errors:
        field = entry.field if entry.field in form.fields else None
        form.add_error(field, f"{entry.message} {entry.fix}".strip())
    if not error.errors:
        form.add_error(None, f"{error.message} {error.fix}".strip())


class SignInForm(forms.Form):
    username = forms.CharField(
        label="Name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class InvitationForm(forms.Form):
    username = forms.CharField(
        label="Name to sign in with",
        max_length=150,
        help_text="Like dana.dev: letters, digits and . _ - @ +",
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    name = forms.CharField(
        label="Your name",
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        strip=False,
        help_text="At least 8 characters, not a common word.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ProfileForm(forms.Form):
    first_name = forms.CharField(
        max_length=150, required=False, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    email = forms.EmailField(
        required=False, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    password = forms.CharField(
        label="Your password",
        required=False,
        strip=False,
        help_text="Only for a new address.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


def permission_choices() -> list[tuple[str, str]]:
    return [(entry.name, entry.name) for entry in permissions.all_permissions()]


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What uses it: “laptop”, “ci of orders”.")
    days = forms.TypedChoiceField(
        label="Ends after",
        coerce=int,
        choices=[(7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year")],
        initial=30,
    )
    scope = forms.CharField(
        max_length=120, required=False, help_text="orders, or orders/staging; empty: everywhere."
    )
    permissions = forms.MultipleChoiceField(
        required=False,
        choices=permission_choices,
        help_text="None chosen: all that you may do.",
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )

    @property
    def expires_at(self) -> Any:
        return timezone.now() + timedelta(days=self.cleaned_data["days"])


class GrantForm(forms.Form):
    subject = forms.CharField(
        label="Person or team", max_length=150, help_text="dana.dev, or team:orders"
    )
    role = forms.ModelChoiceField(Role.objects.order_by("name"), to_field_name="name")
    scope = forms.CharField(max_length=120, help_text="everything, orders, or orders/staging")
    ends_at = forms.DateTimeField(
        label="Ends at (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    reason = forms.CharField(max_length=300, required=False)

    def clean_subject(self) -> User | Team:
        text = self.cleaned_data["subject"].strip()
        kind, _, name = text.rpartition(":")
        found: User | Team | None = (
            Team.objects.filter(name=name).first()
            if kind == "team"
            else User.objects.filter(username=text).first()
        )
        if found is None:
            raise forms.ValidationError("There is no such person or team.", code="unknown")
        return found


class InviteForm(forms.Form):
    email = forms.EmailField()
    team = forms.ModelChoiceField(
        Team.objects.order_by("name"), to_field_name="name", required=False
    )
    role = forms.ModelChoiceField(
        Role.objects.order_by("name"), to_field_name="name", required=False
    )
    scope = forms.CharField(max_length=120, required=False, help_text="where the role holds")


class TeamForm(forms.Form):
    name = forms.CharField(max_length=40)
    title = forms.CharField(max_length=120, required=False)


class MemberForm(forms.Form):
    username = forms.ModelChoiceField(
        User.objects.filter(is_active=True, service_account=None).order_by("username"),
        label="Person",
        to_field_name="username",
    )
    lead = forms.BooleanField(required=False, help_text="may add and remove members")


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=40)
    title = forms.CharField(max_length=120, required=False)
    team = forms.ModelChoiceField(Team.objects.order_by("name"), to_field_name="name")


class RoleForm(forms.Form):
    name = forms.CharField(max_length=40)
    description = forms.CharField(max_length=200, required=False)
    permissions = forms.MultipleChoiceField(
        choices=permission_choices, widget=forms.SelectMultiple(attrs={"size": 16})
    )


class ServiceAccountForm(forms.Form):
    project = forms.ModelChoiceField(Project.objects.order_by("name"), to_field_name="name")
    name = forms.CharField(max_length=40, help_text="ci gives orders.ci")
    description = forms.CharField(max_length=200, required=False)
