"""The filters of the change list, the same for the page and for REST."""

from __future__ import annotations

from typing import ClassVar

import django_filters
from django.db.models import Q, QuerySet

from idp.changes.models import Change
from rbac.models import Scope


class ChangeFilter(django_filters.FilterSet):  # type: ignore[misc]  # it ships no types
    state = django_filters.MultipleChoiceFilter(choices=Change.State.choices)
    open = django_filters.BooleanFilter(method="only_open", label="Not ended yet")
    project = django_filters.CharFilter(method="of_project", label="Project")
    environment = django_filters.CharFilter(method="of_environment", label="Environment")
    tier = django_filters.CharFilter(method="of_tier", label="Tier")
    actor = django_filters.CharFilter(field_name="actor__username", label="Who asked")
    verb = django_filters.CharFilter(field_name="verb", label="What it does")
    origin = django_filters.ChoiceFilter(choices=Change.Origin.choices)
    q = django_filters.CharFilter(field_name="title", lookup_expr="icontains", label="Title")

    class Meta:
        model = Change
        fields: ClassVar[list[str]] = []

    def only_open(self, rows: QuerySet[Change], _name: str, value: bool) -> QuerySet[Change]:
        condition = Q(state__in=Change.OPEN)
        return rows.filter(condition if value else ~condition)

    def of_project(self, rows: QuerySet[Change], _name: str, value: str) -> QuerySet[Change]:
        own = Q(scope__kind=Scope.Kind.PROJECT, scope__name=value)
        return rows.filter(own | Q(scope__project_scope__name=value))

    def of_environment(self, rows: QuerySet[Change], _name: str, value: str) -> QuerySet[Change]:
        return rows.filter(scope__kind=Scope.Kind.ENVIRONMENT, scope__name=value)

    def of_tier(self, rows: QuerySet[Change], _name: str, value: str) -> QuerySet[Change]:
        own = Q(scope__kind=Scope.Kind.TIER, scope__name=value)
        return rows.filter(own | Q(scope__tier_scope__name=value))
