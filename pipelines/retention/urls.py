from django.urls import path

from pipelines.retention.views import RetentionEdit, RetentionList

urlpatterns = [
    path("pipelines/retention/", RetentionList.as_view(), name="retention"),
    path("pipelines/retention/<str:name>/", RetentionEdit.as_view(), name="retention-edit"),
]
