"""Shapes of the catalog's REST: in and out, no rules."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.models import Component
from rbac.models import Team


class LinkSerializer(serializers.Serializer):
    url = serializers.CharField(max_length=500)
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class Words(serializers.ListField):
    """A list of short names."""

    child = serializers.CharField(max_length=63)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=50, **kwargs)


class ComponentSerializer(serializers.ModelSerializer):
    owner = serializers.CharField(source="owner.name")
    project = serializers.CharField(source="project.name")
    links = LinkSerializer(many=True)
    tags = Words()
    provides_apis = Words()
    consumes_apis = Words()

    class Meta:
        model = Component
        fields = [
            "name",
            "title",
            "description",
            "type",
            "lifecycle",
            "owner",
            "project",
            "tags",
            "links",
            "provides_apis",
            "consumes_apis",
            "source",
            "source_location",
            "removed_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class ComponentChange(serializers.Serializer):
    """What may be changed; every field may be left out."""

    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True)
    type = serializers.CharField(max_length=60, required=False)
    lifecycle = serializers.ChoiceField(choices=Component.Lifecycle.choices, required=False)
    owner = serializers.SlugRelatedField(
        slug_field="name", queryset=Team.objects.all(), required=False
    )
    tags = Words()
    links = LinkSerializer(many=True, required=False)
    provides_apis = Words()
    consumes_apis = Words()


class ComponentCreate(ComponentChange):
    name = serializers.CharField(max_length=63)
    project = serializers.CharField(max_length=40)
    owner = serializers.SlugRelatedField(slug_field="name", queryset=Team.objects.all())


class ImportRequest(serializers.Serializer):
    project = serializers.CharField(max_length=40)
    text = serializers.CharField(max_length=256_000, trim_whitespace=False)
    location = serializers.CharField(max_length=300)


class ImportResult(serializers.Serializer):
    created = serializers.ListField(child=serializers.CharField())
    updated = serializers.ListField(child=serializers.CharField())
    unchanged = serializers.ListField(child=serializers.CharField())
    removed = serializers.ListField(child=serializers.CharField())
    others = serializers.ListField(
        child=serializers.CharField(), help_text="What was done with entities of other kinds"
    )
    warnings = serializers.ListField(child=serializers.CharField())


class HitSerializer(serializers.Serializer):
    title = serializers.CharField()
    url = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    disabled = serializers.BooleanField()


class GroupSerializer(serializers.Serializer):
    title = serializers.CharField()
    hits = HitSerializer(many=True)


class SearchResult(serializers.Serializer):
    groups = GroupSerializer(many=True)
    total = serializers.IntegerField()


class PanelSerializer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    count = serializers.CharField(allow_blank=True)
    headline = serializers.CharField(allow_blank=True)


class HomeSerializer(serializers.Serializer):
    headline = serializers.CharField()
    panels = PanelSerializer(many=True)
