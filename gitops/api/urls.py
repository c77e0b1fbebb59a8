from django.urls import include, path

from gitops.api import places, views

urlpatterns = [
    path("", include("gitops.hosted.api.urls")),
    path("", include("gitops.review.api.urls")),
    path("clusters/", places.Clusters.as_view(), name="api-clusters"),
    path("clusters/<slug:name>/", places.ClusterDetail.as_view(), name="api-cluster"),
    path("clusters/<slug:name>/test/", places.ClusterTest.as_view(), name="api-cluster-test"),
    path("accounts/", places.Accounts.as_view(), name="api-accounts"),
    path("accounts/<slug:name>/", places.AccountDetail.as_view(), name="api-account"),
    path("accounts/<slug:name>/test/", places.AccountTest.as_view(), name="api-account-test"),
    path("repositories/", views.Repositories.as_view(), name="api-repositories"),
    path("repositories/<slug:project>/", views.RepositoryDetail.as_view(), name="api-repository"),
    path("applications/", views.Applications.as_view(), name="api-applications"),
    path(
        "applications/<slug:project>/<slug:name>/",
        views.ApplicationDetail.as_view(),
        name="api-application",
    ),
    path(
        "applications/<slug:project>/<slug:name>/propose/",
        views.ApplicationPropose.as_view(),
        name="api-application-propose",
    ),
    path(
        "applications/<slug:project>/<slug:name>/give-up/",
        views.ApplicationGiveUp.as_view(),
        name="api-application-give-up",
    ),
    path("secrets/<slug:project>/", views.Secrets.as_view(), name="api-secrets"),
    path(
        "secrets/<slug:project>/<slug:name>/",
        views.EnvironmentSecrets.as_view(),
        name="api-environment-secrets",
    ),
]
