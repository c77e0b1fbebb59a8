from django.urls import path

from environments.api import actions, blueprints, sharing, views

_ONE = "environments/<slug:project>/<slug:name>/"
_BLUEPRINT = "blueprints/<slug:blueprint>/"

urlpatterns = [
    path("environments/", views.EnvironmentsAPI.as_view(), name="environments"),
    path(_ONE, views.EnvironmentAPI.as_view(), name="environment"),
    path(f"{_ONE}workloads/", views.WorkloadsAPI.as_view(), name="environment-workloads"),
    path(f"{_ONE}resources/", views.ResourcesAPI.as_view(), name="environment-resources"),
    path(f"{_ONE}history/", views.HistoryAPI.as_view(), name="environment-history"),
    path(f"{_ONE}logs/", actions.LogsAPI.as_view(), name="environment-logs"),
    path(f"{_ONE}events/", actions.EventsAPI.as_view(), name="environment-events"),
    path(f"{_ONE}shares/", sharing.SharesAPI.as_view(), name="environment-shares"),
    path(f"{_ONE}shares/<str:username>/", sharing.ShareAPI.as_view(), name="environment-share"),
    path(f"{_ONE}secrets/<str:variable>/", actions.SecretAPI.as_view(), name="environment-secret"),
    *(
        path(f"{_ONE}{name}/", view.as_view(), name=f"environment-{name}")
        for name, view in actions.ACTIONS.items()
    ),
    path("blueprints/", blueprints.BlueprintsAPI.as_view(), name="blueprints"),
    path(f"{_BLUEPRINT}versions/", blueprints.VersionsAPI.as_view(), name="blueprint-versions"),
    path(f"{_BLUEPRINT}<str:version>/", blueprints.VersionAPI.as_view(), name="blueprint-version"),
    path(
        f"{_BLUEPRINT}<str:version>/schema/",
        blueprints.SchemaAPI.as_view(),
        name="blueprint-schema",
    ),
    path("limits/", views.LimitsAPI.as_view(), name="limits"),
]
