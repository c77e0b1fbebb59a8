from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class SchemasConfig(AppConfig):
    name = "schemas"
    verbose_name = "Schema registry"

    def ready(self) -> None:
        autodiscover_modules("registrations")
