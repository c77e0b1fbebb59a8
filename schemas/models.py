"""Contexts, schemas, subjects with their versions, and what was judged about pairs of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from idp.common.names import MAX_NAME
from rbac.models import Project, Scope, Team, User
from schemas import naming
from schemas.databases import models as _databases  # noqa: F401  # Django finds their tables here
from schemas.dependants import models as _dependants  # noqa: F401  # Django finds them here
from schemas.formats.base import FormatName
from schemas.formats.levels import Level
from schemas.policies import models as _policies  # noqa: F401  # Django finds them here
from schemas.traffic import models as _traffic  # noqa: F401  # Django finds it here
from schemas.transfer import models as _transfer  # noqa: F401  # Django finds them here

LEVELS = [(level.value, level.value) for level in Level]
FORMATS = [(name.value, name.value) for name in FormatName]


class Mode(models.TextChoices):
    """What a subject is open to: writing, nothing, or writing with ids that come from outside."""

    READWRITE = "READWRITE"
    READONLY = "READONLY"
    READONLY_OVERRIDE = "READONLY_OVERRIDE"  # holds for what stands below, whatever that says
    IMPORT = "IMPORT"
    FORWARD = "FORWARD"  # written elsewhere and forwarded; here it is read


class Policy(models.TextChoices):
    STRICT = "STRICT"
    LENIENT = "LENIENT"


class Settings(models.Model):
    """Compatibility and mode of one place; what is empty is asked of the place above."""

    level = models.CharField(max_length=20, choices=LEVELS, blank=True)
    mode = models.CharField(max_length=20, choices=Mode, blank=True)
    policy = models.CharField(max_length=8, choices=Policy, blank=True)
    compatibility_group = models.CharField(max_length=100, blank=True)
    alias = models.CharField(max_length=300, blank=True)
    normalize = models.BooleanField(null=True, blank=True)
    default_metadata = models.JSONField(null=True, blank=True)
    override_metadata = models.JSONField(null=True, blank=True)
    default_rule_set = models.JSONField(null=True, blank=True)
    override_rule_set = models.JSONField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(level__in=["", *Level]), name="%(app_label)s_%(class)s_level"
            ),
            models.CheckConstraint(
                condition=Q(mode__in=["", *Mode.values]), name="%(app_label)s_%(class)s_mode"
            ),
        ]


class Context(Settings):
    """A namespace of ids and subjects. `parent` is the registry itself, whose settings come last.

    `next_id` is read and raised under the row's lock, inside the registration's transaction.
    """

    scope_lookup: ClassVar[str | None] = None

    name = models.CharField(max_length=100, unique=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="contexts"
    )
    next_id = models.PositiveBigIntegerField(default=1)
    # In the registry's own row: new with every change of a policy (`schemas.policies.holding`).
    policy_stamp = models.PositiveBigIntegerField(default=0)

    class Meta(Settings.Meta):
        constraints = [
            *Settings.Meta.constraints,
            models.CheckConstraint(
                condition=Q(name=naming.GLOBAL, parent=None)
                | (~Q(name=naming.GLOBAL) & Q(parent__isnull=False)),
                name="schemas_context_below_registry",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Schema(models.Model):
    """One text with its references, metadata and rules: they are its identity, and its id's.

    `content` is the hash of what readers and writers meet (text and referenced texts), `digest` of
    the whole identity; neither names the context, so `guid` is the same in every one.
    """

    context = models.ForeignKey(Context, on_delete=models.PROTECT, related_name="schemas")
    number = models.PositiveBigIntegerField()  # the id that travels with every record
    guid = models.UUIDField(db_index=True)
    format = models.CharField(max_length=10, choices=FORMATS)
    text = models.TextField()
    content = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    references = models.JSONField(default=list, blank=True)  # as they are written to clients
    metadata = models.JSONField(null=True, blank=True)
    rule_set = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["context", "number"], name="schemas_schema_id_once"),
            models.UniqueConstraint(fields=["context", "digest"], name="schemas_schema_text_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="schemas_schema_id_positive"),
            models.CheckConstraint(
                condition=Q(format__in=list(FormatName)), name="schemas_schema_format"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.format} schema {self.number}"


class Subject(Settings):
    """A name under which one schema evolves; belongs to a project and is owned by a team.

    draft → active → deprecated → sunset → retired; one step back is possible from deprecated and
    sunset, and a retired subject may be taken up again. Retired subjects take no new version.

    `last_version` is the highest number ever given, `latest` the highest that is not deleted (0:
    none), `revision` grows with every write, so that a judgement outside the lock can be voided.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        ACTIVE = "active"
        DEPRECATED = "deprecated"
        SUNSET = "sunset"
        RETIRED = "retired"

    TRANSITIONS: ClassVar[dict[str, frozenset[str]]] = {
        State.DRAFT: frozenset({State.ACTIVE, State.RETIRED}),
        State.ACTIVE: frozenset({State.DEPRECATED}),
        State.DEPRECATED: frozenset({State.ACTIVE, State.SUNSET}),
        State.SUNSET: frozenset({State.DEPRECATED, State.RETIRED}),
        State.RETIRED: frozenset({State.ACTIVE}),
    }
    scope_lookup: ClassVar[str | None] = "keeper__project_scope"

    context = models.ForeignKey(Context, on_delete=models.PROTECT, related_name="subjects")
    name = models.CharField(max_length=naming.MAX_SUBJECT)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="subjects")
    keeper = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="subjects")
    component = models.CharField(max_length=MAX_NAME, blank=True)
    format = models.CharField(max_length=10, choices=FORMATS, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    sunset_on = models.DateField(null=True, blank=True)
    tags = models.JSONField(default=list, blank=True)
    docs = models.TextField(blank=True)
    contact = models.CharField(max_length=200, blank=True)
    last_version = models.PositiveIntegerField(default=0)
    latest = models.PositiveIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta(Settings.Meta):
        constraints = [
            *Settings.Meta.constraints,
            models.UniqueConstraint(fields=["context", "name"], name="schemas_subject_name_once"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "active", "deprecated", "sunset", "retired"]),
                name="schemas_subject_state",
            ),
            models.CheckConstraint(
                condition=Q(latest__lte=F("last_version")), name="schemas_subject_latest"
            ),
            models.CheckConstraint(
                condition=~Q(state="sunset") | Q(sunset_on__isnull=False),
                name="schemas_subject_sunset_has_date",
            ),
        ]
        indexes = [models.Index(fields=["project", "latest"], name="schemas_subject_of_project")]

    def __str__(self) -> str:
        return naming.qualified(self.context.name, self.name)

    @property
    def scope(self) -> Scope:
        """The project's scope: where seeing, configuring and purging are decided."""
        if self.keeper.project_scope is None:
            raise ValueError(f"The keeper of {self.name} is no tier of a project.")
        return self.keeper.project_scope

    @property
    def is_new(self) -> bool:
        """Whether it is to be written yet: a first registration makes it inside its transaction."""
        return self._state.adding


class SubjectVersion(models.Model):
    """The n-th schema of a subject. Numbers are never given twice, also after a soft deletion."""

    scope_lookup: ClassVar[str | None] = "subject__keeper__project_scope"

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="versions")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_label = models.CharField(max_length=200, blank=True)  # the token's name too
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "number"], name="schemas_version_number_once"
            ),
            models.UniqueConstraint(
                fields=["subject", "schema"],
                condition=Q(deleted_at=None),
                name="schemas_version_schema_once",
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="schemas_version_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} version {self.number}"


class SchemaReference(models.Model):
    """A schema's use of a version of some subject; `name` is what its text calls that one."""

    schema = models.ForeignKey(Schema, on_delete=models.CASCADE, related_name="uses")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=500)
    target = models.ForeignKey(
        SubjectVersion, on_delete=models.PROTECT, related_name="referenced_by"
    )

    class Meta:
        ordering = ["schema", "position"]
        constraints = [
            models.UniqueConstraint(fields=["schema", "name"], name="schemas_reference_name_once"),
        ]

    def __str__(self) -> str:
        return f"{self.schema} uses {self.target} as {self.name}"


class Verdict(models.Model):
    """Whether a reader's content can read a writer's, as one version of an engine judged.

    Both policies stand in one row, and no level: a level only says which pairs are asked.
    """

    reader = models.CharField(max_length=64)
    writer = models.CharField(max_length=64)
    engine = models.CharField(max_length=20)
    strict = models.BooleanField()
    lenient = models.BooleanField()
    breaking: Any = models.JSONField(default=list)  # the differences that break either policy
    judged_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reader", "writer", "engine"], name="schemas_verdict_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reader[:8]} reads {self.writer[:8]}: {self.strict}"
