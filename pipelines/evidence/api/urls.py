from django.urls import path

from pipelines.evidence.api import views

_ALL = "evidence-rules/"
_ONE = f"{_ALL}<slug:name>/"

urlpatterns = [
    path(_ALL, views.RulesAPI.as_view(), name="evidence-rules"),
    path(f"{_ALL}preview/", views.PreviewAPI.as_view(), name="evidence-rules-preview"),
    path(_ONE, views.RuleAPI.as_view(), name="evidence-rule"),
    path(f"{_ONE}preview/", views.RulePreviewAPI.as_view(), name="evidence-rule-preview"),
    path("evidence/", views.EvidenceAPI.as_view(), name="evidence"),
    path("evidence/facts/", views.FactsAPI.as_view(), name="evidence-facts"),
]
