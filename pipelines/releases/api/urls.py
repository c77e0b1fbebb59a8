from django.urls import path

from pipelines.releases.api import views

urlpatterns = [
    path("releases/", views.ReleasesAPI.as_view(), name="releases"),
    path("releases/<int:pk>/", views.ReleaseAPI.as_view(), name="release"),
]
