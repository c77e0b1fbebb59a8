from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class EnvironmentsConfig(AppConfig):
    name = "environments"

    def ready(self) -> None:
        autodiscover_modules("registrations")
