from django.urls import path

from gitops.api import views

urlpatterns = [
    path("clusters/", views.Clusters.as_view(), name="api-clusters"),
    path("clusters/<slug:name>/", views.ClusterDetail.as_view(), name="api-cluster"),
    path("clusters/<slug:name>/test/", views.ClusterTest.as_view(), name="api-cluster-test"),
    path("accounts/", views.Accounts.as_view(), name="api-accounts"),
    path("accounts/<slug:name>/", views.AccountDetail.as_view(), name="api-account"),
    path("accounts/<slug:name>/test/", views.AccountTest.as_view(), name="api-account-test"),
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
    path("secrets/<slug:project>/", views.Secrets.as_view(), name="api-secrets"),
    path(
        "secrets/<slug:project>/<slug:name>/",
        views.EnvironmentSecrets.as_view(),
        name="api-environment-secrets",
    ),
]
