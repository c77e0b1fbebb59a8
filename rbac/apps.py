from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RbacConfig(AppConfig):
    name = "rbac"
    verbose_name = "Access"

    def ready(self) -> None:
        autodiscover_modules("registrations")
