"""Shapes of access and audit in REST: in and out, no rules."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from rbac.models import (
    ApiToken,
    AuditRecord,
    Membership,
    Project,
    Role,
    RoleBinding,
    ServiceAccount,
    Team,
    User,
)


class UserOut(serializers.ModelSerializer):
    name = serializers.CharField(source="get_full_name")
    teams: Any = serializers.SlugRelatedField("name", many=True, read_only=True)

    class Meta:
        model = User
        fields = ["username", "name", "is_active", "teams", "last_login"]
        read_only_fields = fields


class UserChange(serializers.Serializer):
    is_active = serializers.BooleanField()


class MeOut(serializers.Serializer):
    username = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    token = serializers.CharField(allow_null=True, help_text="Name of the token that was used.")
    teams = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.CharField())
    permissions = serializers.ListField(
        child=serializers.CharField(), help_text="Held at some scope."
    )


class MeChange(serializers.Serializer):
    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_blank=True)
    password = serializers.CharField(
        required=False,
        write_only=True,
        max_length=4096,
        trim_whitespace=False,
        help_text="Yours; only for a new address.",
    )


class InvitationIn(serializers.Serializer):
    email = serializers.EmailField()
    team = serializers.CharField(required=False, max_length=80)
    role = serializers.CharField(required=False, max_length=80)
    scope = serializers.CharField(required=False, max_length=120)


class InvitationOut(serializers.Serializer):
    email = serializers.EmailField()
    expires_at = serializers.DateTimeField()
    link = serializers.CharField(help_text="Works once; it is also sent by mail.")


class TeamOut(serializers.ModelSerializer):
    members = serializers.IntegerField(source="size")

    class Meta:
        model = Team
        fields = ["name", "title", "members"]
        read_only_fields = fields


class TeamIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class TitleIn(serializers.Serializer):
    title = serializers.CharField(max_length=120, allow_blank=True)


class MemberOut(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")

    class Meta:
        model = Membership
        fields = ["username", "lead"]
        read_only_fields = fields


class MemberIn(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    lead = serializers.BooleanField(required=False, default=False)


class ProjectOut(serializers.ModelSerializer):
    team = serializers.CharField(source="team.name")

    class Meta:
        model = Project
        fields = ["name", "title", "team", "created_at"]
        read_only_fields = fields


class ProjectIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    team = serializers.CharField(max_length=80)


class ProjectChange(serializers.Serializer):
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    team = serializers.CharField(max_length=80, required=False)


class Names(serializers.ListField):
    """Names of permissions."""

    child = serializers.CharField(max_length=80)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=500, **kwargs)


class RoleOut(serializers.ModelSerializer):
    permissions = Names()

    class Meta:
        model = Role
        fields = ["name", "description", "permissions", "builtin"]
        read_only_fields = fields


class RoleIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    description = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )
    permissions = Names()


class RoleChange(serializers.Serializer):
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    permissions = Names(required=False)


class PermissionOut(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    app = serializers.CharField()
    scope_kinds = serializers.ListField(child=serializers.CharField())


class BindingOut(serializers.ModelSerializer):
    role = serializers.CharField(source="role.name")
    scope = serializers.CharField(source="scope.path")
    user = serializers.CharField(source="user.username", allow_null=True, default=None)
    team = serializers.CharField(source="team.name", allow_null=True, default=None)
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)

    class Meta:
        model = RoleBinding
        fields = [
            "id", "role", "scope", "user", "team", "ends_at", "reason", "created_at", "created_by",
        ]  # fmt: skip
        read_only_fields = fields


class BindingIn(serializers.Serializer):
    role = serializers.CharField(max_length=80)
    scope = serializers.CharField(max_length=120, help_text="everything, orders, orders/staging")
    user = serializers.CharField(max_length=150, required=False, allow_null=True)
    team = serializers.CharField(max_length=80, required=False, allow_null=True)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class ServiceAccountOut(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username")
    project = serializers.CharField(source="project.name")

    class Meta:
        model = ServiceAccount
        fields = ["username", "project", "description"]
        read_only_fields = fields


class ServiceAccountIn(serializers.Serializer):
    project = serializers.CharField(max_length=80)
    name = serializers.CharField(max_length=80)
    description = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )


class TokenOut(serializers.ModelSerializer):
    owner = serializers.CharField(source="user.username")
    permissions = Names()
    scope = serializers.CharField(source="scope.path", allow_null=True, default=None)

    class Meta:
        model = ApiToken
        fields = [
            "id", "name", "prefix", "owner", "permissions", "scope", "created_at", "expires_at",
            "last_used_at", "revoked_at",
        ]  # fmt: skip
        read_only_fields = fields


class TokenMade(TokenOut):
    text = serializers.CharField(help_text="The token itself, shown this once.")

    class Meta(TokenOut.Meta):
        fields = [*TokenOut.Meta.fields, "text"]
        read_only_fields = fields


class TokenIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    owner = serializers.CharField(
        max_length=150, required=False, help_text="A service account; yourself otherwise."
    )
    permissions = Names(required=False, default=list)
    scope = serializers.CharField(max_length=120, required=False, allow_null=True)
    expires_at = serializers.DateTimeField()


class AuditOut(serializers.ModelSerializer):
    actor = serializers.CharField(source="actor_label")
    scope = serializers.CharField(source="scope_label")
    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)

    class Meta:
        model = AuditRecord
        fields = [
            "id", "sequence", "at", "actor", "action", "outcome", "reason", "target_type",
            "target_id", "target_label", "scope", "change_id", "before", "after", "request_id",
            "address", "previous_hash", "hash",
        ]  # fmt: skip
        read_only_fields = fields


class VerificationOut(serializers.Serializer):
    ok = serializers.BooleanField()
    checked = serializers.IntegerField()
    unsealed = serializers.IntegerField()
    head = serializers.CharField()
    problem = serializers.CharField(allow_blank=True)


class DecisionOut(serializers.Serializer):
    allowed = serializers.BooleanField()
    visible = serializers.BooleanField()
    permission = serializers.CharField()
    scope = serializers.CharField()
    reason = serializers.CharField()
    chain = serializers.ListField(child=serializers.CharField())
    granters = serializers.ListField(child=serializers.CharField())
