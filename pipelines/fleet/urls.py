from django.urls import path

from pipelines.agent.forms import PREFIX
from pipelines.fleet import protocol
from pipelines.fleet.views import pages

_BASE = PREFIX.lstrip("/")
_ONE = f"{_BASE}attempts/<int:pk>/"

_PAGE = "pipelines/agents/<int:pk>/"

urlpatterns = [
    path("pipelines/agents/", pages.AgentList.as_view(), name="agents"),
    path("pipelines/agents/new/", pages.AgentNew.as_view(), name="agent-new"),
    path(_PAGE, pages.AgentPage.as_view(), name="agent"),
    *(
        path(f"{_PAGE}{name}/", pages.ActOnAgent.as_view(action=name), name=f"agent-{name}")
        for name in pages.ACTIONS
    ),
    path(f"{_BASE}claim", protocol.ClaimCall.as_view(), name="agents-claim"),
    path(f"{_BASE}beat", protocol.BeatCall.as_view(), name="agents-beat"),
    path(f"{_BASE}rotate", protocol.RotateCall.as_view(), name="agents-rotate"),
    path(f"{_BASE}leave", protocol.LeaveCall.as_view(), name="agents-leave"),
    path(f"{_ONE}log", protocol.LogCall.as_view(), name="agent-log"),
    path(f"{_ONE}source", protocol.SourceCall.as_view(), name="agent-source"),
    path(f"{_ONE}needs/<int:artifact>", protocol.NeedCall.as_view(), name="agent-need"),
    path(f"{_ONE}artifacts/<str:kind>", protocol.ArtifactCall.as_view(), name="agent-artifact"),
    path(f"{_ONE}cache", protocol.CacheCall.as_view(), name="agent-cache"),
    path(f"{_ONE}finish", protocol.FinishCall.as_view(), name="agent-finish"),
]
