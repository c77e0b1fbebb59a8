from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ChangesConfig(AppConfig):
    name = "idp.changes"
    label = "changes"
    verbose_name = "Changes"

    def ready(self) -> None:
        autodiscover_modules("registrations")
