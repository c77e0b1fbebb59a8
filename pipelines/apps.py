from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class PipelinesConfig(AppConfig):
    name = "pipelines"
    verbose_name = "Pipelines"

    def ready(self) -> None:
        autodiscover_modules("registrations")
