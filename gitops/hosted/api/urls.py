from django.urls import path

from gitops.hosted.api import views

_ONE = "hosted-repositories/<slug:project>/"
_REQUESTS = f"{_ONE}merge-requests/"

urlpatterns = [
    path("hosted-repositories/", views.HostedRepositories.as_view(), name="api-hosted"),
    path(_ONE, views.HostedRepositoryDetail.as_view(), name="api-hosted-one"),
    path(f"{_ONE}test/", views.HostedRepositoryTest.as_view(), name="api-hosted-test"),
    path(f"{_ONE}hook/", views.HostedRepositoryHook.as_view(), name="api-hosted-hook"),
    path(f"{_ONE}deliveries/", views.HookDeliveries.as_view(), name="api-hosted-deliveries"),
    path(_REQUESTS, views.MergeRequests.as_view(), name="api-merge-requests"),
    path(
        f"{_REQUESTS}<int:number>/merge/",
        views.MergeRequestMerge.as_view(),
        name="api-merge-request-merge",
    ),
]
