from django.apps import AppConfig


class GitopsConfig(AppConfig):
    name = "gitops"
