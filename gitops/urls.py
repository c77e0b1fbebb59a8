from django.urls import path

from gitops import views

app_name = "gitops"
urlpatterns = [
    path("clusters/", views.Clusters.as_view(), name="clusters"),
    path("clusters/<slug:name>/", views.ClusterPage.as_view(), name="cluster"),
    path("give-up/<slug:project>/<slug:name>/", views.GiveUp.as_view(), name="give-up"),
    path("accounts/", views.Accounts.as_view(), name="accounts"),
    path("accounts/<slug:name>/", views.AccountPage.as_view(), name="account"),
]
