from django.urls import path

from pipelines.retention.api.views import RetentionAPI

urlpatterns = [
    path(
        "projects/<str:name>/pipeline-retention/",
        RetentionAPI.as_view(),
        name="pipeline-retention",
    ),
]
