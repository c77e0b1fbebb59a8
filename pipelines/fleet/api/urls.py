from django.urls import path

from pipelines.fleet.api import views

urlpatterns = [
    path("agents/", views.AgentsAPI.as_view(), name="agents"),
    path("agents/<int:pk>/", views.AgentAPI.as_view(), name="agent"),
    path("agents/<int:pk>/token/", views.AgentTokenAPI.as_view(), name="agent-token"),
]
