from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class GitopsConfig(AppConfig):
    name = "gitops"
    verbose_name = "Clusters and accounts"

    def ready(self) -> None:
        autodiscover_modules("registrations")
