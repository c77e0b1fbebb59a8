from django.urls import path

from pipelines.deploys.views.board import BoardPage
from pipelines.deploys.views.bundle import BundlePage, PromotePage

_ONE = "pipelines/board/bundles/<int:pk>/"

urlpatterns = [
    path("pipelines/board/", BoardPage.as_view(), name="board"),
    path(_ONE, BundlePage.as_view(), name="bundle"),
    path(f"{_ONE}promote/", PromotePage.as_view(), name="bundle-promote"),
]
