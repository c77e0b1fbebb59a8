from django.urls import path

from gitops.review.api import views

_ALL = "repositories/<slug:project>/merge-requests/"
_ONE = f"{_ALL}<int:number>/"

urlpatterns = [
    path(_ALL, views.OwnMergeRequests.as_view(), name="api-own-merge-requests"),
    path(_ONE, views.OwnMergeRequestDetail.as_view(), name="api-own-merge-request"),
    path(f"{_ONE}merge/", views.OwnMergeRequestMerge.as_view(), name="api-own-merge"),
    path(f"{_ONE}comments/", views.RequestComments.as_view(), name="api-request-comments"),
    path(f"{_ONE}approvals/", views.RequestApprovals.as_view(), name="api-request-approvals"),
]
