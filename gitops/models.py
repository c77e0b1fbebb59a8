"""Clusters, accounts, config repositories, applications and what each of them manages."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from gitops.hosted.models import (
    HookDelivery,
    HostConnection,
    HostedMergeRequest,
    HostedRepository,
    HostNotice,
)
from gitops.review.models import BranchPush, RequestApproval, RequestComment
from idp.common.crypto import EncryptedJSONField, EncryptedTextField
from idp.common.names import MAX_NAME, dns_label, dns_name
from rbac.models import ApiToken, Project, Scope, User

__all__ = [
    "Application",
    "BranchPush",
    "Checked",
    "CloudAccount",
    "Cluster",
    "ConfigRepository",
    "HookDelivery",
    "HostConnection",
    "HostNotice",
    "HostedMergeRequest",
    "HostedRepository",
    "ManagedObject",
    "MemoryObject",
    "Push",
    "RequestApproval",
    "RequestComment",
    "SecretValue",
]


class Checked(models.Model):
    """The last connection test of what people register, one entry a finding."""

    active = models.BooleanField(default=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    check_result = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True

    @property
    def reachable(self) -> bool:
        """Whether the last test found nothing to complain about."""
        return bool(self.check_result) and not self.faulty

    @property
    def faulty(self) -> bool:
        """Whether the last test, if there was one, found something to complain about."""
        return not all(finding["ok"] for finding in self.check_result)


class Cluster(Checked):
    """A Kubernetes cluster that environments may live in; credentials are encrypted at rest."""

    class Backend(models.TextChoices):
        KUBERNETES = "kubernetes", "Kubernetes"
        MEMORY = "memory", "Simulated in the database"

    scope_lookup: ClassVar[str | None] = None

    name = models.CharField(max_length=MAX_NAME, unique=True, validators=[dns_label])
    backend = models.CharField(max_length=12, choices=Backend, default=Backend.KUBERNETES)
    kubeconfig = EncryptedTextField(blank=True)  # one context, no exec plug-ins, no file paths
    domain = models.CharField(
        max_length=200,
        validators=[dns_name],
        help_text="Environments get addresses below it: shop.orders.apps.example.com",
    )
    ingress_class = models.CharField(max_length=60, blank=True)
    ingress_namespace = models.CharField(max_length=63, default="ingress-nginx")
    tls_issuer = models.CharField(
        max_length=120, blank=True, help_text="cert-manager ClusterIssuer"
    )
    pull_secrets = EncryptedJSONField(default=dict, blank=True)  # registry → {username, password}
    oidc_provider_arn = models.CharField(max_length=300, blank=True)  # IAM's name for the issuer
    oidc_issuer = models.CharField(max_length=300, blank=True)
    tiers = models.JSONField(default=list, blank=True)  # empty: takes every tier

    def __str__(self) -> str:
        return self.name

    @property
    def simulated(self) -> bool:
        return self.backend == self.Backend.MEMORY


class CloudAccount(Checked):
    """An AWS account and region; credentials are encrypted at rest."""

    scope_lookup: ClassVar[str | None] = None

    name = models.CharField(max_length=MAX_NAME, unique=True, validators=[dns_label])
    region = models.CharField(max_length=30, default="eu-central-1")
    credentials = EncryptedJSONField(default=dict, blank=True)  # access_key_id, secret_access_key
    role_arn = models.CharField(max_length=200, blank=True, help_text="Assumed for every call")
    endpoint_url = models.CharField(max_length=200, blank=True, help_text="Empty: AWS itself")
    simulated = models.BooleanField(default=False)
    tiers = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return self.name


class ConfigRepository(models.Model):
    """A project's bare repository below REPOSITORIES_DIR; the truth of what should be."""

    scope_lookup: ClassVar[str | None] = "project__scope"

    project = models.OneToOneField(Project, on_delete=models.PROTECT, related_name="repository")
    created_at = models.DateTimeField(default=timezone.now)
    seen_commit = models.CharField(max_length=40, blank=True)  # main, as far as changes were made

    class Meta:
        verbose_name_plural = "config repositories"

    def __str__(self) -> str:
        return f"{self.project.name}.git"


class Push(models.Model):
    """A push to `main` that the judge allowed; who pushed, for the changes made from it."""

    scope_lookup: ClassVar[str | None] = "repository__project__scope"

    repository = models.ForeignKey(
        ConfigRepository, on_delete=models.CASCADE, related_name="pushes"
    )
    old = models.CharField(max_length=40)
    new = models.CharField(max_length=40)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    handled_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.repository} {self.old[:8]}..{self.new[:8]}"


class Application(models.Model):
    """One directory of a repository kept in step with one namespace and one cloud account."""

    class Sync(models.TextChoices):
        UNKNOWN = "Unknown"
        SYNCED = "Synced"
        OUT_OF_SYNC = "OutOfSync"

    class Health(models.TextChoices):
        UNKNOWN = "Unknown"
        HEALTHY = "Healthy"
        PROGRESSING = "Progressing"
        SUSPENDED = "Suspended"
        DEGRADED = "Degraded"
        MISSING = "Missing"

    scope_lookup: ClassVar[str | None] = "scope"

    scope = models.OneToOneField(Scope, on_delete=models.PROTECT, related_name="application")
    repository = models.ForeignKey(
        ConfigRepository, on_delete=models.PROTECT, related_name="applications"
    )
    directory = models.CharField(max_length=200)  # "environments/staging"
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="applications")
    account = models.ForeignKey(
        CloudAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="applications"
    )
    # Made once (`<project>-<environment>-<short hash>`) and stored: plain joins collide.
    namespace = models.CharField(max_length=63)
    sync = models.CharField(max_length=10, choices=Sync, default=Sync.UNKNOWN)
    health = models.CharField(max_length=12, choices=Health, default=Health.UNKNOWN)
    health_message = models.TextField(blank=True)
    synced_commit = models.CharField(max_length=40, blank=True)
    synced_tree = models.CharField(max_length=40, blank=True)  # the directory's tree id: its ETag
    observed_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster", "namespace"], name="gitops_namespace_once"),
            models.UniqueConstraint(
                fields=["repository", "directory"],
                condition=models.Q(removed_at=None),
                name="gitops_directory_once_alive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository.project.name}:{self.directory}"


class ManagedObject(models.Model):
    """One object that an application made or is about to make: its row comes before the call."""

    class State(models.TextChoices):
        INTENDED = "intended"
        READY = "ready"
        DELETING = "deleting"
        RETAINED = "retained"  # detached on purpose; Slipway no longer touches it

    scope_lookup: ClassVar[str | None] = "application__scope"

    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="objects_made"
    )
    target = models.CharField(max_length=12)  # "kubernetes" | "aws"
    api_version = models.CharField(max_length=100)
    kind = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=253)  # at the target
    logical_name = models.CharField(max_length=253, blank=True)  # in environment.yaml: "exports"
    uid = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, blank=True)  # of the document last applied
    state = models.CharField(max_length=8, choices=State, default=State.INTENDED)
    health = models.CharField(max_length=12, default=Application.Health.UNKNOWN)
    health_message = models.TextField(blank=True)
    outputs = models.JSONField(default=dict)  # variable name → value, none of it secret
    status = models.JSONField(default=dict)  # the few live facts that pages show: replicas, address
    change_id = models.BigIntegerField(null=True, blank=True)  # that last touched it
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "target", "kind", "namespace", "name"],
                name="gitops_object_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class SecretValue(models.Model):
    """One version of a secret at a scope; git holds `name@version`, never the value."""

    scope_lookup: ClassVar[str | None] = "scope"
    digest_fields: ClassVar[dict[str, str]] = {"digest": "value"}  # anew when keys are rotated

    scope = models.ForeignKey(Scope, on_delete=models.CASCADE, related_name="secret_values")
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField()
    value = EncryptedTextField()
    digest = models.CharField(max_length=64)  # keyed: equal values can be seen, not guessed
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "name", "version"], name="gitops_secret_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class MemoryObject(models.Model):
    """An object of a simulated cluster (the `memory` backend keeps its state in the database)."""

    cluster = models.CharField(max_length=MAX_NAME)
    api_version = models.CharField(max_length=100)
    kind = models.CharField(max_length=63)
    namespace = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=253)
    uid = models.UUIDField(default=uuid.uuid4)
    version = models.BigIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "api_version", "kind", "namespace", "name"],
                name="gitops_memory_object_once",
            ),
        ]
        indexes = [models.Index(fields=["cluster", "namespace", "kind"])]

    def __str__(self) -> str:
        return f"{self.cluster}:{self.kind}/{self.name}"
