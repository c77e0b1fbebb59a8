from django.urls import path

from pipelines.deploys.api import views

_ONE = "bundles/<int:pk>/"

urlpatterns = [
    path("bundles/", views.BundlesAPI.as_view(), name="bundles"),
    path(_ONE, views.BundleAPI.as_view(), name="bundle"),
    path(f"{_ONE}promote/", views.PromoteAPI.as_view(), name="bundle-promote"),
    path("deployments/", views.DeploymentsAPI.as_view(), name="deployments"),
]
