"""People, teams, projects, scopes, roles, tokens and the audit trail: the lowest models."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth import models as auth_models
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from idp.common.names import MAX_NAME, dns_label
from rbac.objectgrants import ObjectGrant

SLUG: dict[str, Any] = {"max_length": MAX_NAME, "validators": [dns_label]}


class Tier(models.TextChoices):
    """The tiers of every project, in the order of promotion."""

    PREVIEW = "preview", "Preview"
    DEVELOPMENT = "development", "Development"
    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"


class User(AbstractUser):
    """A person or, with a `ServiceAccount`, a program."""

    email = models.EmailField("email address", blank=True)
    # The access epoch as it was read with this row (`rbac.grants`); no column.
    standing: Any = None

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint("email", condition=~Q(email=""), name="rbac_user_email_unique"),
            models.UniqueConstraint(Lower("username"), name="rbac_user_name_unique"),
        ]

    def __str__(self) -> str:
        return self.username

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """What `decide` says; Django's superuser flag means nothing here."""
        return auth_models._user_has_perm(self, perm, obj)  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  # Django's loop over the backends, without its superuser short cut

    def has_module_perms(self, app_label: str) -> bool:
        return auth_models._user_has_module_perms(self, app_label)  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  # as above


class Team(models.Model):
    scope_lookup: ClassVar[str | None] = None  # visible to every signed-in person

    name = models.CharField(unique=True, **SLUG)
    title = models.CharField(max_length=120, blank=True)
    members = models.ManyToManyField(User, through="Membership", related_name="teams")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's place in a team; a lead may invite and remove."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    lead = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="rbac_member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Scope(models.Model):
    """A place where roles are bound: everything › project › tier › environment.

    The three ancestor columns make inheritance one comparison of ids. An environment, and whatever
    else carries permissions, is one-to-one with its scope, so that lower apps can refer to it.
    """

    class Kind(models.TextChoices):
        EVERYTHING = "everything"
        PROJECT = "project"
        TIER = "tier"
        ENVIRONMENT = "environment"

    scope_lookup: ClassVar[str | None] = "self"

    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=MAX_NAME, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    project_scope = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    tier_scope = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="everything", parent=None) | Q(parent__isnull=False),
                name="rbac_scope_has_parent",
            ),
            models.UniqueConstraint(
                "kind", condition=Q(kind="everything"), name="rbac_scope_one_root"
            ),
            # A tier's environments may reuse the name of one that is gone: only live ones are
            # unique, which `environments` holds; projects and tiers are unique here.
            models.UniqueConstraint(
                "parent",
                "name",
                condition=Q(kind__in=["project", "tier"]),
                name="rbac_scope_name_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """`everything`, `orders`, `orders/staging` (tier) or `orders/pr-7` (environment)."""
        if self.kind == self.Kind.EVERYTHING:
            return "everything"
        if self.project_scope_id and self.project_scope_id != self.pk:
            return f"{self.project_scope.name}/{self.name}"  # type: ignore[union-attr]  # id is set
        return self.name

    @property
    def path(self) -> str:
        """The address of the scope: `orders`, `orders/staging`, `orders/development/pr-7`."""
        if self.kind == self.Kind.ENVIRONMENT and self.tier_scope and self.project_scope:
            return f"{self.project_scope.name}/{self.tier_scope.name}/{self.name}"
        return self.label

    @property
    def lineage(self) -> frozenset[int]:
        """Ids of this scope and of those above it, without the root (bound rows name the root)."""
        ids = (self.pk, self.tier_scope_id, self.project_scope_id)
        return frozenset(i for i in ids if i is not None)


class Project(models.Model):
    scope_lookup: ClassVar[str | None] = "scope"

    name = models.CharField(unique=True, **SLUG)
    title = models.CharField(max_length=120, blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="projects")
    scope = models.OneToOneField(Scope, on_delete=models.PROTECT, related_name="project")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name


class ProjectGrant(ObjectGrant):
    """A project shared with one person: one permission each."""

    nouns: ClassVar[tuple[str, ...]] = ("project",)
    always: ClassVar[tuple[str, ...]] = ("project.view",)

    content_object = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="grants")

    class Meta(ObjectGrant.Meta):
        abstract = False


class SignIn(models.Model):
    """A session of a person, so that it can be listed and ended; the row outlives the session."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_key = models.CharField(max_length=40, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True, blank=True)
    agent = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.user} from {self.address or 'somewhere'}"


class ServiceAccount(models.Model):
    """A program's identity in one project; it acts as `user`, which has no password."""

    scope_lookup: ClassVar[str | None] = "project__scope"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="service_account")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="service_accounts")
    description = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.user.username


class Role(models.Model):
    """A named set of permissions (`environment.scale`, …); a migration keeps the built-in ones."""

    scope_lookup: ClassVar[str | None] = None

    name = models.CharField(unique=True, **SLUG)
    description = models.CharField(max_length=200, blank=True)
    permissions = models.JSONField(default=list)
    builtin = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class RoleBinding(models.Model):
    """A role given to one user or one team at a scope, perhaps until a moment."""

    scope_lookup: ClassVar[str | None] = "scope"

    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="bindings")
    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="bindings")
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="bindings"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="bindings"
    )
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(user=None, team__isnull=False) | Q(team=None, user__isnull=False),
                name="rbac_binding_one_subject",
            ),
            # Two, since SQLite cannot hold nulls to be equal.
            models.UniqueConstraint(
                fields=["role", "scope", "user"],
                condition=Q(team=None),
                name="rbac_binding_once_user",
            ),
            models.UniqueConstraint(
                fields=["role", "scope", "team"],
                condition=Q(user=None),
                name="rbac_binding_once_team",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.user or self.team} at {self.scope}"


class AccessEpoch(models.Model):
    """One row; a grant or revoke raises `number` in its own transaction, so caches die at once."""

    number = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.number)


class ApiToken(models.Model):
    """A bearer of its owner's permissions, or of fewer. Text form `slp_<prefix>_<secret>`.

    `created_by` is the person behind a service account's token: what it asks for, they asked for.
    """

    scope_lookup: ClassVar[str | None] = None

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(
        max_length=12, unique=True, validators=[RegexValidator(r"\A[a-z0-9]{12}\Z")]
    )
    digest = models.CharField(max_length=64)  # SHA-256 of the secret, hexadecimal
    permissions = models.JSONField(default=list, blank=True)  # empty: all that the owner may do
    scope = models.ForeignKey(Scope, null=True, blank=True, on_delete=models.CASCADE)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    issued_for = models.CharField(max_length=40, blank=True)  # what Slipway made it for: no person

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["issued_for"], condition=~Q(issued_for=""), name="rbac_token_issued_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (slp_{self.prefix}_…)"


class Invitation(models.Model):
    """A link by which a person chooses a password and joins a team; used once, ends by itself."""

    email = models.EmailField()
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE)
    role = models.ForeignKey(Role, null=True, blank=True, on_delete=models.CASCADE)
    scope = models.ForeignKey(Scope, null=True, blank=True, on_delete=models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"invitation of {self.email}"


APPEND_ONLY = "Audit records are append-only."


class AppendOnly(TypeError):
    """Something tried to change or delete an audit record."""


class AuditQuerySet(models.QuerySet["AuditRecord"]):
    """Reads and inserts; `seal` is the one way to write to rows that exist."""

    def update(self, **kwargs: Any) -> int:
        raise AppendOnly(APPEND_ONLY)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly(APPEND_ONLY)

    def seal(self, pk: uuid.UUID, sequence: int, previous_hash: str, digest: str) -> int:
        """Write the chain's three columns of a row that has none yet; the number of rows."""
        plain: models.QuerySet[AuditRecord] = models.QuerySet(self.model, using=self.db)
        rows = plain.filter(pk=pk, sequence=None)
        return rows.update(sequence=sequence, previous_hash=previous_hash, hash=digest)


class AuditRecord(models.Model):
    """What somebody did or was refused. Append-only; a sealer chains committed rows by hash.

    The foreign keys keep their number when the person or scope is gone: the hash covers them.
    """

    class Outcome(models.TextChoices):
        ALLOWED = "allowed"
        DENIED = "denied"
        FAILED = "failed"

    scope_lookup: ClassVar[str | None] = "scope"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(
        User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor_label = models.CharField(max_length=200)  # "dana.dev", "dana.dev by token ci", "slipway"
    action = models.CharField(max_length=80)  # "environment.scale", "access.grant"
    outcome = models.CharField(max_length=8, choices=Outcome)
    reason = models.TextField(blank=True)
    target_type = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=80, blank=True)
    target_label = models.CharField(max_length=200, blank=True)
    scope = models.ForeignKey(
        Scope, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    scope_label = models.CharField(max_length=100, blank=True)
    change_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    # Written by the sealer, in order, without gaps.
    sequence = models.BigIntegerField(null=True, unique=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = [F("at").desc(), "-id"]
        indexes = [models.Index(fields=["scope", "-at"]), models.Index(fields=["actor", "-at"])]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.action} {self.target_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only: an override here is what keeps `save` from being a way round."""
        if not self._state.adding:
            raise AppendOnly(APPEND_ONLY)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly(APPEND_ONLY)


class AuditHead(models.Model):
    """One row: where the chain ends, and what the last verification found.

    A shorter chain than the head says has lost its end. The sealer locks this row.
    """

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_sequence = models.BigIntegerField(default=0)
    problem = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash[:12]}"
