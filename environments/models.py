"""Blueprints, environments, and the rows that mirror what `environment.yaml` says of each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from gitops.models import Application
from idp.common.names import MAX_NAME, dns_label
from portal.models import Component
from rbac.models import Project, Scope, Team, Tier, User
from rbac.objectgrants import ObjectGrant


class Blueprint(models.Model):
    scope_lookup: ClassVar[str | None] = None

    name = models.CharField(max_length=MAX_NAME, unique=True, validators=[dns_label])
    title = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL)
    builtin = models.BooleanField(default=False)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class BlueprintVersion(models.Model):
    """One immutable version once published; a draft may be edited."""

    scope_lookup: ClassVar[str | None] = None

    blueprint = models.ForeignKey(Blueprint, on_delete=models.CASCADE, related_name="versions")
    version = models.CharField(max_length=30)  # SemVer
    schema = models.JSONField()  # JSON Schema of `parameters`
    template = models.TextField()  # YAML documents; CEL in leaf values only
    digest = models.CharField(max_length=64)  # of schema and template
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["blueprint", "version"], name="environments_blueprint_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.blueprint.name}@{self.version}"


class Environment(models.Model):
    """A project's environment. Health, sync and expiry are axes of their own, not states.

    proposed → creating → active → deleting → deleted
    proposed → deleted (the first change was refused or cancelled before any effect)
    creating → deleting; active → stopped → active
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        CREATING = "creating", "Creating"
        ACTIVE = "active", "Active"
        STOPPED = "stopped", "Stopped"
        DELETING = "deleting", "Deleting"
        DELETED = "deleted", "Deleted"

    TRANSITIONS: ClassVar[dict[str, frozenset[str]]] = {
        State.PROPOSED: frozenset({State.CREATING, State.DELETED}),
        State.CREATING: frozenset({State.ACTIVE, State.DELETING}),
        State.ACTIVE: frozenset({State.STOPPED, State.DELETING}),
        State.STOPPED: frozenset({State.ACTIVE, State.DELETING}),
        State.DELETING: frozenset({State.DELETED, State.ACTIVE, State.STOPPED, State.CREATING}),
    }
    scope_lookup: ClassVar[str | None] = "scope"

    scope = models.OneToOneField(Scope, on_delete=models.PROTECT, related_name="environment")
    application = models.OneToOneField(
        Application, on_delete=models.PROTECT, related_name="environment"
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="environments")
    name = models.CharField(max_length=MAX_NAME, validators=[dns_label])
    tier = models.CharField(max_length=12, choices=Tier)
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    blueprint_version = models.ForeignKey(
        BlueprintVersion, on_delete=models.PROTECT, related_name="environments"
    )
    parameters = models.JSONField(default=dict)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    address = models.CharField(
        max_length=300, blank=True
    )  # https://…, empty without a web workload
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=["proposed", "creating", "active", "stopped", "deleting", "deleted"]
                ),
                name="environments_environment_state",
            ),
            models.UniqueConstraint(
                fields=["project", "name"],
                condition=~Q(state="deleted"),
                name="environments_name_once_alive",
            ),
        ]
        indexes = [models.Index(fields=["project", "name"]), models.Index(fields=["state", "-id"])]

    def __str__(self) -> str:
        return f"{self.project.name}/{self.name}"


class EnvironmentGrant(ObjectGrant):
    """An environment shared with one person: one permission each."""

    nouns: ClassVar[tuple[str, ...]] = ("environment", "change", "secret")
    always: ClassVar[tuple[str, ...]] = ("environment.view", "change.view")

    content_object = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="grants")

    class Meta(ObjectGrant.Meta):
        abstract = False


class Workload(models.Model):
    """What runs, as the synced `environment.yaml` says; live facts are in ManagedObject."""

    class Kind(models.TextChoices):
        SERVICE = "service"
        WORKER = "worker"
        CRON = "cron"

    scope_lookup: ClassVar[str | None] = "environment__scope"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="workloads")
    name = models.CharField(max_length=MAX_NAME)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.SERVICE)
    component = models.ForeignKey(
        Component, null=True, blank=True, on_delete=models.SET_NULL, related_name="workloads"
    )
    image = models.CharField(max_length=300)
    replicas = models.PositiveIntegerField(default=1)
    spec = models.JSONField(default=dict)  # the workload's entry as written

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name"], name="environments_workload_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def version(self) -> str:
        """The image's tag, or the beginning of its digest."""
        name, _, digest = self.image.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        return tag or digest[:19] or "latest"


class Resource(models.Model):
    """A cloud resource that an environment declares; its outputs are in ManagedObject."""

    scope_lookup: ClassVar[str | None] = "environment__scope"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="resources")
    name = models.CharField(max_length=MAX_NAME)
    kind = models.CharField(max_length=30)  # Bucket, Queue, Topic, Table, SecretValue
    spec = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name"], name="environments_resource_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Limit(models.Model):
    """What a project (by scope) or a team may have; empty fields do not limit."""

    scope_lookup: ClassVar[str | None] = None

    name = models.CharField(max_length=60, unique=True)
    scope = models.ForeignKey(Scope, null=True, blank=True, on_delete=models.CASCADE)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE)
    tier = models.CharField(max_length=12, choices=Tier, blank=True)  # empty: all tiers
    max_environments = models.PositiveIntegerField(null=True, blank=True)
    max_lifetime_days = models.PositiveIntegerField(null=True, blank=True)
    allowed_tiers = models.JSONField(default=list, blank=True)  # empty: all
    cpu = models.CharField(max_length=20, blank=True)  # Kubernetes quantity, each environment
    memory = models.CharField(max_length=20, blank=True)
    lifted_by = models.CharField(max_length=120, blank=True)  # who can change it, in words

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scope=None, team__isnull=False) | Q(team=None, scope__isnull=False),
                name="environments_limit_one_subject",
            ),
        ]

    def __str__(self) -> str:
        return self.name
