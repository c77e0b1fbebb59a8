from django.urls import path

from environments.views.actions import ActionView
from environments.views.blueprints import BlueprintListView, BlueprintView
from environments.views.create import CreateView, PreviewView
from environments.views.detail import EnvironmentDetailView
from environments.views.lists import EnvironmentListView
from environments.views.sharing import ShareEndView, ShareView

app_name = "environments"
_ONE = "environments/<slug:project>/<slug:name>/"

urlpatterns = [
    path("environments/", EnvironmentListView.as_view(), name="list"),
    path("environments/new/", CreateView.as_view(), name="new"),
    path("environments/new/preview/", PreviewView.as_view(), name="preview"),
    path(_ONE, EnvironmentDetailView.as_view(), name="detail"),
    path(f"{_ONE}share/", ShareView.as_view(), name="share"),
    path(f"{_ONE}shares/<str:username>/end/", ShareEndView.as_view(), name="share-end"),
    path(f"{_ONE}<slug:action>/", ActionView.as_view(), name="action"),
    path("blueprints/", BlueprintListView.as_view(), name="blueprints"),
    path("blueprints/<slug:blueprint>/", BlueprintView.as_view(), name="blueprint"),
]
