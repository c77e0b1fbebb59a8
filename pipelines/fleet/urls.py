from django.urls import path

from pipelines.agent.forms import PREFIX
from pipelines.fleet import protocol

_BASE = PREFIX.lstrip("/")
_ONE = f"{_BASE}attempts/<int:pk>/"

urlpatterns = [
    path(f"{_BASE}claim", protocol.ClaimCall.as_view(), name="agent-claim"),
    path(f"{_BASE}beat", protocol.BeatCall.as_view(), name="agent-beat"),
    path(f"{_BASE}rotate", protocol.RotateCall.as_view(), name="agent-rotate"),
    path(f"{_BASE}leave", protocol.LeaveCall.as_view(), name="agent-leave"),
    path(f"{_ONE}log", protocol.LogCall.as_view(), name="agent-log"),
    path(f"{_ONE}source", protocol.SourceCall.as_view(), name="agent-source"),
    path(f"{_ONE}needs/<int:artifact>", protocol.NeedCall.as_view(), name="agent-need"),
    path(f"{_ONE}artifacts/<str:kind>", protocol.ArtifactCall.as_view(), name="agent-artifact"),
    path(f"{_ONE}cache", protocol.CacheCall.as_view(), name="agent-cache"),
    path(f"{_ONE}finish", protocol.FinishCall.as_view(), name="agent-finish"),
]
