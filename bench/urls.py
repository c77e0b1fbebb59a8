"""The product's addresses and one more: a bare list of the same rows, as a tutorial writes it."""

from django.urls import path
from rest_framework import generics, serializers
from rest_framework.pagination import LimitOffsetPagination

from environments.models import Environment
from idp.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Row(serializers.ModelSerializer):
    project = serializers.CharField(source="project.name")

    class Meta:
        model = Environment
        fields = ("id", "project", "name", "tier", "state", "address", "expires_at", "created_at")


class Page(LimitOffsetPagination):
    default_limit = 50


class Bare(generics.ListAPIView):
    queryset = Environment.objects.select_related("project").order_by("-id")
    serializer_class = Row
    pagination_class = Page
    filter_backends = ()


urlpatterns = [*urlpatterns, path("bench/bare/", Bare.as_view())]
