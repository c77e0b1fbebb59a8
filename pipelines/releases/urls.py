from django.urls import path

from pipelines.releases.views import ReleaseList

urlpatterns = [path("pipelines/releases/", ReleaseList.as_view(), name="releases")]
