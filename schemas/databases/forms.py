"""Forms of databases; values go to the services, whose refusals stand beside fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings

from idp.common.names import MAX_NAME
from portal.forms import LinesField, ServiceForm
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Project
from schemas.databases import declaring, selectors, services
from schemas.databases.models import MAX_FILE, Database, DatabaseInstance
from schemas.permissions import DATABASE_MANAGE
from schemas.relational.lint import MAX_MIGRATION

_CODE = {"class": "sw-mono", "spellcheck": "false", "autocomplete": "off"}
_NEWEST = ("0", "the newest that is declared")
_NO_DATABASE = ("0", "none")
MAX_CHOICES = 200
_RUN = "It runs in an empty PostgreSQL database as a role without rights, and is then dropped."
_READ = "No scratch PostgreSQL is configured here: it is read without being run, and in part."


def _numbered(database: Database) -> list[tuple[str, str]]:
    """The newest declared versions, to choose from."""
    numbers = database.versions.order_by("-number").values_list("number", flat=True)
    return [(str(n), f"version {n}") for n in numbers[:MAX_CHOICES]]


class DatabaseForm(ServiceForm):
    """Register a database; `fixed` leaves only what can be changed later."""

    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(
        None, to_field_name="name", empty_label=None
    )
    name = forms.CharField(
        max_length=MAX_NAME,
        help_text="Lower-case letters, digits and hyphens, at most 40. It cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    component = forms.CharField(
        max_length=MAX_NAME,
        required=False,
        help_text="The catalog's component whose data it is.",
    )
    on_drift = forms.ChoiceField(
        label="Where it has drifted",
        choices=Database.OnDrift.choices,
        help_text="What a change to an environment meets while its database is not as declared.",
    )

    def __init__(self, *args: Any, actor: Actor, fixed: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        if isinstance(field, forms.ModelChoiceField):
            rows = Project.objects.select_related("scope", "team").order_by("name")
            field.queryset = visible(actor, DATABASE_MANAGE, rows)
        if fixed:
            del self.fields["project"], self.fields["name"]


class DeclareForm(ServiceForm):
    """SQL that makes the whole schema, or a migration on top of the newest version."""

    file = forms.CharField(
        max_length=MAX_FILE,
        required=False,
        label="File",
        help_text="What findings call it: migrations/0007.sql.",
    )
    sql = forms.CharField(
        label="SQL",
        max_length=declaring.MAX_SQL,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 22, **_CODE}),
        help_text="CREATE statements, as pg_dump --schema-only or your migrations print them.",
    )
    on_top = forms.BooleanField(
        required=False,
        label="It is a migration: run it after the SQL of an earlier version",
    )
    base = forms.TypedChoiceField(
        coerce=int,
        label="After version",
        choices=[("0", "the newest")],
        help_text="A migration that takes the place of a later one follows the version before it.",
    )

    def __init__(self, *args: Any, database: Database, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        how = _RUN if settings.SCHEMAS_SCRATCH_URL else _READ
        self.fields["sql"].help_text = f"{self.fields['sql'].help_text} {how}"
        field = self.fields["base"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("0", "the newest"), *_numbered(database)]


class InstanceForm(ServiceForm):
    """Where a database lives. The URL goes in and never comes out."""

    environment = forms.CharField(
        max_length=MAX_NAME * 2, help_text="An environment of the project, or a tier: staging."
    )
    url = forms.CharField(
        label="URL",
        max_length=services.MAX_URL,
        widget=forms.TextInput(
            attrs={**_CODE, "placeholder": "postgresql://reader:…@db.example.org:5432/orders"}
        ),
        help_text="With a role that may connect and nothing else; names of tables and columns are "
        "open to every role. It is stored encrypted.",
    )
    expected = forms.TypedChoiceField(
        coerce=int, label="Version that it should have", choices=[_NEWEST]
    )
    ignoring = LinesField(
        required=False,
        help_text="Objects that nobody declares, one path a line: audit.*, orders.note.",
    )
    active = forms.BooleanField(required=False, initial=True, label="Look at it regularly")

    def __init__(
        self,
        *args: Any,
        database: Database,
        instance: DatabaseInstance | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["expected"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [_NEWEST, *_numbered(database)]
        if instance is not None:
            del self.fields["environment"]
            self.fields["url"].required = False
            self.fields["url"].help_text = "Write-only. Leave it empty to keep what is stored."

    @property
    def values(self) -> dict[str, Any]:
        """What the services take of a valid form; an empty URL is left out."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if not (name == "url" and not value)
        }


class ConfirmForm(ServiceForm):
    """The name, typed again, before something is forgotten."""

    name = forms.CharField(
        max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off", **_CODE})
    )

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        self.fields["name"].help_text = f"Type {expected} to confirm."

    def clean_name(self) -> str:
        given = str(self.cleaned_data["name"]).strip()
        if given != self.expected:
            raise forms.ValidationError(f"It does not read {self.expected}.")
        return given


class LintForm(ServiceForm):
    """A migration to be judged, by itself or as one of a database."""

    sql = forms.CharField(
        label="Migration",
        max_length=MAX_MIGRATION,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16, **_CODE}),
        help_text="PostgreSQL’s SQL, as it will run. Nothing is run or stored here.",
    )
    database = forms.TypedChoiceField(
        coerce=int,
        choices=[_NO_DATABASE],
        help_text="Types are judged by its newest version, and who reads what goes is named.",
    )
    in_transaction = forms.BooleanField(
        required=False, label="The migration tool opens a transaction itself"
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = selectors.databases(actor).order_by("project__name", "name")[:MAX_CHOICES]
        field = self.fields["database"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [_NO_DATABASE, *((str(row.pk), str(row)) for row in rows)]
