from django.urls import path

from pipelines.evidence.views.changing import RuleDelete, RuleEdit, RuleNew
from pipelines.evidence.views.pages import CheckRule, RulePage, Rules

_ALL = "pipelines/gates/"
_ONE = f"{_ALL}<slug:name>/"

urlpatterns = [
    path(_ALL, Rules.as_view(), name="gates"),
    path(f"{_ALL}new/", RuleNew.as_view(), name="gate-new"),
    path(f"{_ALL}check/", CheckRule.as_view(), name="gate-check"),
    path(_ONE, RulePage.as_view(), name="gate"),
    path(f"{_ONE}edit/", RuleEdit.as_view(), name="gate-edit"),
    path(f"{_ONE}delete/", RuleDelete.as_view(), name="gate-delete"),
]
