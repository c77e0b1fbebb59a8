from django.urls import path

from gitops import views
from gitops.hosted import views as hosted
from gitops.review import views as review

_REQUESTS = "repositories/<slug:project>/merge-requests/"
_REQUEST = f"{_REQUESTS}<int:number>/"

app_name = "gitops"
urlpatterns = [
    path("clusters/", views.Clusters.as_view(), name="clusters"),
    path("clusters/<slug:name>/", views.ClusterPage.as_view(), name="cluster"),
    path("give-up/<slug:project>/<slug:name>/", views.GiveUp.as_view(), name="give-up"),
    path("accounts/", views.Accounts.as_view(), name="accounts"),
    path("accounts/<slug:name>/", views.AccountPage.as_view(), name="account"),
    path("repositories/", hosted.Repositories.as_view(), name="repositories"),
    path("repositories/<slug:project>/", hosted.RepositoryPage.as_view(), name="repository"),
    path(
        "repositories/<slug:project>/connect/",
        hosted.ConnectRepository.as_view(),
        name="repository-connect",
    ),
    *(
        path(
            f"repositories/<slug:project>/{action}/",
            hosted.ActOnRepository.as_view(action=action),
            name=f"repository-{action}",
        )
        for action in hosted.ACTIONS
    ),
    path(f"{_REQUESTS}new/", review.NewRequest.as_view(), name="merge-request-new"),
    path(_REQUEST, review.RequestPage.as_view(), name="merge-request"),
    path(f"{_REQUEST}comment/", review.CommentOnRequest.as_view(), name="merge-request-comment"),
    *(
        path(
            f"{_REQUEST}{action}/",
            review.ActOnRequest.as_view(action=action),
            name=f"merge-request-{action}",
        )
        for action in review.ACTIONS
    ),
]
